//! The oracle: an expression evaluated as the language says, and counted.

use super::functions;
use super::term::Term;
use super::types::{TYPE_NAMES, is_constant};
use super::value::{V, map_of};

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The expression fails. Another side, or another element, can make up for it.
    Failed,
    /// It costs too much. Nothing makes up for that.
    Costly,
}

pub(super) type Outcome = Result<V, Stop>;

/// One evaluation.
pub(super) struct Evaluation {
    names: Vec<(&'static str, V)>,
    units: u64,
}

impl Evaluation {
    pub(super) fn new(parameters: &[(&'static str, V)], units: u64) -> Self {
        Self {
            names: parameters.to_vec(),
            units,
        }
    }

    fn spend(&mut self, units: u64) -> Result<(), Stop> {
        self.units = self.units.checked_sub(units).ok_or(Stop::Costly)?;
        Ok(())
    }

    pub(super) fn value(&mut self, term: &Term) -> Outcome {
        match term {
            Term::Literal(value) => Ok(value.clone()),
            Term::Name(name) => {
                let known = self.names.iter().rev().find(|(it, _)| it == name);
                if let Some(value) = known.map(|(_, value)| value.clone()) {
                    self.spend(1)?;
                    return Ok(value);
                }
                let of_type = TYPE_NAMES.iter().find(|it| *it == name);
                Ok(V::Type(of_type.unwrap()))
            }
            Term::Binary("&&", sides) => self.either(&sides.0, &sides.1, false),
            Term::Binary("||", sides) => self.either(&sides.0, &sides.1, true),
            Term::Choice(parts) => match self.value(&parts.0)? {
                V::Bool(true) => self.value(&parts.1),
                V::Bool(false) => self.value(&parts.2),
                _ => Err(Stop::Failed),
            },
            Term::Field(of, field) => {
                let of = self.value(of)?;
                self.spend(1)?;
                match &of {
                    V::Map(_) => functions::at(&of, &V::Text((*field).into())),
                    _ => Err(Stop::Failed),
                }
            }
            Term::Has(of, field) => {
                let of = self.value(of)?;
                self.spend(1)?;
                match &of {
                    V::Map(_) => Ok(V::Bool(
                        functions::at(&of, &V::Text((*field).into())).is_ok(),
                    )),
                    _ => Err(Stop::Failed),
                }
            }
            Term::At(sides) => {
                let (of, at) = (self.value(&sides.0)?, self.value(&sides.1)?);
                self.spend(1)?;
                functions::at(&of, &at)
            }
            Term::List(items) => {
                let items: Result<_, _> = items.iter().map(|item| self.value(item)).collect();
                let items = items?;
                self.spend(10)?;
                Ok(V::List(items))
            }
            Term::Map(entries) => self.map(entries),
            Term::Macro(name, range, variable, steps) => {
                self.go_through(name, range, variable, steps)
            }
            Term::Not(_)
            | Term::Negative(_)
            | Term::Binary(..)
            | Term::Call(..)
            | Term::Method(..) => {
                let args: Result<Vec<V>, Stop> =
                    term.parts().into_iter().map(|it| self.value(it)).collect();
                let args = args?;
                let kind = term.kind();
                // What was made when the expression was written costs nothing any more.
                if !is_constant(term) {
                    self.spend(functions::cost(&kind, &args))?;
                }
                functions::apply(&kind, &args)
            }
        }
    }

    fn bool(&mut self, term: &Term) -> Result<bool, Stop> {
        match self.value(term)? {
            V::Bool(it) => Ok(it),
            _ => Err(Stop::Failed),
        }
    }

    /// `&&`, which `false` decides, and `||`, which `true` does: from either side, whatever the
    /// other one is.
    fn either(&mut self, left: &Term, right: &Term, decides: bool) -> Outcome {
        let left = self.bool(left);
        if left == Ok(decides) {
            return Ok(V::Bool(decides));
        }
        if left == Err(Stop::Costly) {
            return Err(Stop::Costly);
        }
        let right = self.bool(right)?;
        if right == decides {
            return Ok(V::Bool(decides));
        }
        left.map(V::Bool)
    }

    fn map(&mut self, entries: &[(Term, Term)]) -> Outcome {
        let mut made = Vec::new();
        for (key, value) in entries {
            let (key, value) = (self.value(key)?, self.value(value)?);
            if !key.is_key() {
                return Err(Stop::Failed);
            }
            made.push((key, value));
            // A key that is there twice fails before what comes after it.
            map_of(made.clone()).ok_or(Stop::Failed)?;
        }
        self.spend(30)?;
        map_of(made).ok_or(Stop::Failed)
    }

    fn go_through(
        &mut self,
        name: &str,
        range: &Term,
        variable: &'static str,
        steps: &[Term],
    ) -> Outcome {
        let items = match self.value(range)? {
            V::List(items) => items,
            V::Map(entries) => entries.into_iter().map(|(key, _)| key).collect(),
            _ => return Err(Stop::Failed),
        };
        match name {
            "all" => self.decide(items, variable, &steps[0], false),
            "exists" => self.decide(items, variable, &steps[0], true),
            "exists_one" => self.count(items, variable, &steps[0]),
            "filter" => self.gather(items, variable, Some(&steps[0]), &Term::Name(variable)),
            _ => {
                let (made, holds) = steps.split_last().unwrap();
                self.gather(items, variable, holds.first(), made)
            }
        }
    }

    fn with<R>(&mut self, name: &'static str, value: V, run: impl FnOnce(&mut Self) -> R) -> R {
        self.names.push((name, value));
        let result = run(self);
        self.names.pop();
        result
    }

    /// `all` and `exists`: an element that decides makes up for all that have failed.
    fn decide(
        &mut self,
        items: Vec<V>,
        name: &'static str,
        holds: &Term,
        decides: bool,
    ) -> Outcome {
        let mut result = Ok(!decides);
        for item in items {
            // Whether to go on is a function of what is known: of `!known`, in `exists`.
            let negation = u64::from(decides && result.is_ok());
            self.spend(1 + negation + 1)?;
            if result == Ok(decides) {
                break;
            }
            self.spend(1)?;
            match self.with(name, item, |it| it.bool(holds)) {
                Err(Stop::Costly) => return Err(Stop::Costly),
                Ok(it) if it == decides => result = Ok(decides),
                Ok(_) => {}
                Err(stop) => result = result.and(Err(stop)),
            }
        }
        self.spend(1)?;
        result.map(V::Bool)
    }

    /// `exists_one`: no element makes up for one that has failed.
    fn count(&mut self, items: Vec<V>, name: &'static str, holds: &Term) -> Outcome {
        let mut found = Ok(0);
        for item in items {
            match self.with(name, item, |it| it.value(holds)) {
                Err(Stop::Costly) => return Err(Stop::Costly),
                Ok(V::Bool(it)) => {
                    self.spend(1)?;
                    if it && found.is_ok() {
                        self.spend(1)?;
                        found = found.map(|count| count + 1);
                    }
                }
                Ok(_) | Err(Stop::Failed) => found = Err(Stop::Failed),
            }
        }
        self.spend(1)?;
        let found = found?;
        self.spend(1)?;
        Ok(V::Bool(found == 1))
    }

    /// `map` and `filter`.
    fn gather(
        &mut self,
        items: Vec<V>,
        name: &'static str,
        holds: Option<&Term>,
        made: &Term,
    ) -> Outcome {
        self.spend(10)?;
        let mut gathered = Ok(Vec::new());
        for item in items {
            let taken = match holds {
                None => Ok(V::Bool(true)),
                Some(holds) => self.with(name, item.clone(), |it| it.value(holds)),
            };
            let taken = match taken {
                Err(Stop::Costly) => return Err(Stop::Costly),
                Ok(V::Bool(taken)) => taken,
                Ok(_) | Err(Stop::Failed) => {
                    gathered = Err(Stop::Failed);
                    continue;
                }
            };
            self.spend(1)?;
            let Ok(so_far) = &mut gathered else { continue };
            if taken {
                match self.with(name, item, |it| it.value(made)) {
                    Err(Stop::Costly) => return Err(Stop::Costly),
                    Err(Stop::Failed) => gathered = Err(Stop::Failed),
                    Ok(value) => {
                        so_far.push(value);
                        self.spend(10 + 1)?;
                    }
                }
            }
        }
        self.spend(1)?;
        gathered.map(V::List)
    }
}
