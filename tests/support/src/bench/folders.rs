//! A seeded world of relations: folders five levels deep, groups three levels deep, documents with
//! an owner and a folder, and for every user one agent that may act for it, as in the performance
//! harness's W3 and W5. Agents may send other agents.
//!
//! There are also shapes that are hard in one way each: groups that contain one another in cycles,
//! a chain of groups as deep as a check goes, and a document shared with every team.

use behest::model::{Tuple, TupleKey};
use behest::relations::model::{AuthorizationModel, ModelFile, read_dsl};

pub const MODEL: &str = "model
  schema 1.1
type agent
  relations
    define delegate: [agent]
type user
  relations
    define delegate: [agent]
type group
  relations
    define member: [user, group#member]
type team
  relations
    define member: [user]
type folder
  relations
    define parent: [folder]
    define viewer: [user, group#member] or viewer from parent
type document
  relations
    define parent: [folder]
    define owner: [user]
    define blocked: [user]
    define shared: [team#member]
    define viewer: [user, group#member] or owner or viewer from parent
    define reader: viewer but not blocked
";

/// The number of leaf groups, of teams, and of groups of each special shape.
const GROUPS: u32 = 1_000;

/// Number of groups that contain one another in a cycle.
const CIRCLE: u32 = 30;

/// Number of groups in a chain: as deep as a check goes.
const CHAIN: u32 = 25;

/// Number of agents; each may send the next.
pub const AGENTS: u32 = 100;

/// A world with this many tuples, whatever their kind.
#[derive(Clone, Copy)]
pub struct Folders {
    pub size: u32,
}

/// One kind of check, with three users: one that is found at the first place searched, one that is
/// found at the last, and one that is not found. The last two must read the same tuples.
pub struct Question {
    pub name: &'static str,
    pub first: TupleKey,
    pub last: TupleKey,
    pub lacks: TupleKey,
}

impl Folders {
    /// Returns the sizes in `BEHEST_TUPLES`, such as `10000,1000000`.
    pub fn sizes(default: &str) -> Vec<Self> {
        let wanted = std::env::var("BEHEST_TUPLES").unwrap_or_else(|_| default.to_owned());
        wanted
            .split(',')
            .map(|size| Self {
                size: size.trim().parse().unwrap(),
            })
            .collect()
    }

    pub fn users(self) -> u32 {
        (self.size / 10).max(100)
    }

    fn folders(self) -> u32 {
        (self.size / 100).clamp(100, 11_000)
    }

    /// Iterates over all tuples, each once.
    pub fn tuples(self) -> impl Iterator<Item = Tuple> {
        let documents = (0..u32::MAX).flat_map(move |document| {
            [
                format!(
                    "document:d{document}#parent@folder:f{}",
                    self.folder_of(document)
                ),
                format!(
                    "document:d{document}#owner@user:u{}",
                    self.owner_of(document)
                ),
            ]
        });
        let all = Self::shapes()
            .into_iter()
            .chain(self.people())
            .chain(documents);
        all.take(usize::try_from(self.size).unwrap())
            .map(|text| key(&text).into())
    }

    pub fn owner_of(self, document: u32) -> u32 {
        scattered(document, self.users())
    }

    /// Returns the number of documents that have both of their tuples.
    pub fn documents(self) -> u32 {
        let before = Self::shapes().len() + self.people().count();
        u32::try_from((usize::try_from(self.size).unwrap() - before) / 2).unwrap()
    }

    fn folder_of(self, document: u32) -> u32 {
        // These folders have no folders below them.
        let leaves = self.folders() - self.folders() / 10;
        self.folders() - 1 - scattered(document, leaves)
    }

    fn shapes() -> Vec<String> {
        let mut texts = Vec::new();
        for group in 0..GROUPS {
            texts.push(format!(
                "group:mid{}#member@group:leaf{group}#member",
                group / 10
            ));
            texts.push(format!("document:wide#shared@team:{group}#member"));
        }
        texts.extend(
            (0..GROUPS / 10)
                .map(|mid| format!("group:top{}#member@group:mid{mid}#member", mid / 10)),
        );
        for from in 0..CIRCLE {
            let others = (0..CIRCLE).filter(|to| *to != from);
            texts.extend(
                others.map(|to| format!("group:round{from}#member@group:round{to}#member")),
            );
        }
        texts.push("group:round1#member@user:u1".to_owned());
        texts.push(format!("group:round{}#member@user:u2", CIRCLE - 1));
        texts.extend(
            (0..CHAIN).map(|at| format!("group:chain{at}#member@group:chain{}#member", at + 1)),
        );
        texts.push(format!("group:chain{CHAIN}#member@user:u1"));
        texts.push("folder:f1#viewer@group:top1#member".to_owned());
        texts.extend(
            (0..AGENTS)
                .map(|agent| format!("agent:a{agent}#delegate@agent:a{}", (agent + 1) % AGENTS)),
        );
        texts
    }

    fn people(self) -> impl Iterator<Item = String> {
        let users = (0..self.users()).flat_map(|user| {
            [
                format!("group:leaf{}#member@user:u{user}", scattered(user, GROUPS)),
                format!("team:{}#member@user:u{user}", scattered(user, GROUPS)),
                format!("user:u{user}#delegate@agent:a{}", user % AGENTS),
            ]
        });
        let folders = (1..self.folders()).flat_map(|folder| {
            [
                format!("folder:f{folder}#parent@folder:f{}", folder / 10),
                format!(
                    "folder:f{folder}#viewer@group:leaf{}#member",
                    scattered(folder, GROUPS)
                ),
            ]
        });
        users.chain(folders)
    }

    /// Returns the checks to measure.
    pub fn questions(self) -> Vec<Question> {
        let member = |group: u32| format!("user:u{}", self.member_of(group));
        let owner = format!("user:u{}", self.owner_of(7));
        let folder = self.folder_of(7);
        // The last of its folders that grants anything.
        let top = std::iter::successors(Some(folder), |folder| Some(folder / 10))
            .find(|folder| *folder < 10)
            .unwrap();
        let (near, far) = (
            member(scattered(folder, GROUPS)),
            member(scattered(top, GROUPS)),
        );
        let of = |name, object: &str, first: &str, last: &str| Question {
            name,
            first: key(&format!("{object}@{first}")),
            last: key(&format!("{object}@{last}")),
            lacks: key(&format!("{object}@user:nobody")),
        };
        vec![
            of("direct", "document:d7#owner", &owner, &owner),
            of(
                "through a folder and a group",
                "document:d7#viewer",
                &near,
                &far,
            ),
            of(
                "through three groups",
                "folder:f1#viewer",
                &member(100),
                &member(199),
            ),
            of(
                "deep: 25 groups",
                "group:chain0#member",
                "user:u1",
                "user:u1",
            ),
            of(
                "wide: 1,000 teams",
                "document:wide#shared",
                &member(3),
                &member(GROUPS - 1),
            ),
            of(
                "circles of 30 groups",
                "group:round0#member",
                "user:u1",
                "user:u2",
            ),
            of("difference", "document:d7#reader", &owner, &far),
        ]
    }

    /// Returns the first user in a leaf group and in the team of the same number, or the last user.
    fn member_of(self, group: u32) -> u32 {
        (0..self.users())
            .find(|user| scattered(*user, GROUPS) == group)
            .unwrap_or(self.users() - 1)
    }
}

/// Returns the compiled model.
pub fn model() -> AuthorizationModel {
    let source = read_dsl(ModelFile {
        name: "model.fga",
        text: MODEL,
    })
    .unwrap();
    AuthorizationModel::of_source(source).unwrap()
}

pub fn key(text: &str) -> TupleKey {
    text.parse().unwrap()
}

/// Spreads numbers evenly, and always in the same way.
pub fn scattered(n: u32, below: u32) -> u32 {
    let mixed = u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    u32::try_from(mixed % u64::from(below)).unwrap()
}
