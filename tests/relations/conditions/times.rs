//! Points in time, spans and addresses as the oracle reads and writes them: digit by digit.

/// Nanoseconds of a second.
pub(super) const SECOND: i128 = 1_000_000_000;

/// Days before a year of the calendar that has always had leap years by Gregory's rule.
fn days_before(year: i128) -> i128 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400)
}

fn month_days(year: i128, month: usize) -> i128 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date and a time of day.
pub(super) struct Civil {
    pub(super) year: i128,
    pub(super) month: usize,
    pub(super) day: i128,
    pub(super) day_of_year: i128,
    /// From Sunday, which is 0.
    pub(super) day_of_week: i128,
    /// Nanoseconds since midnight.
    pub(super) nanos: i128,
}

/// The date of a point in time.
pub(super) fn civil(time: i128) -> Civil {
    let day_nanos = 86_400 * SECOND;
    let days = days_before(1970) + time.div_euclid(day_nanos);
    let mut year = days.div_euclid(366);
    while days_before(year + 1) <= days {
        year += 1;
    }
    let day_of_year = days - days_before(year);
    let mut month = 1;
    let mut day = day_of_year;
    while day >= month_days(year, month) {
        day -= month_days(year, month);
        month += 1;
    }
    Civil {
        year,
        month,
        day: day + 1,
        day_of_year,
        // The first day of the year 1 was a Monday.
        day_of_week: (days + 1).rem_euclid(7),
        nanos: time.rem_euclid(day_nanos),
    }
}

/// Whether a point in time is in the years 1 to 9999.
pub(super) fn in_years(time: i128) -> Option<i128> {
    let first = (days_before(1) - days_before(1970)) * 86_400 * SECOND;
    let end = (days_before(10_000) - days_before(1970)) * 86_400 * SECOND;
    (first..end).contains(&time).then_some(time)
}

/// The number that digits denote, all of them and as many as are wanted.
fn number(text: &str, digits: usize, most: i128) -> Option<i128> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|it| fits && *it <= most)
}

/// Nanoseconds of a fraction of a second, cut after the ninth digit.
fn fraction(digits: &str) -> Option<i128> {
    let fits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
    nine.parse().ok().filter(|_| fits)
}

/// Reads `2026-10-01T09:00:00.5+02:00`.
pub(super) fn read_time(text: &str) -> Option<i128> {
    let (date, rest) = text.split_once('T')?;
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date.as_slice() else {
        return None;
    };
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at(zone_at);
    let (clock, nanos) = match clock.split_once('.') {
        Some((clock, digits)) => (clock, fraction(digits)?),
        None => (clock, 0),
    };
    let clock: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = clock.as_slice() else {
        return None;
    };
    let year = number(year, 4, 9999)?;
    let month = usize::try_from(number(month, 2, 12)?).unwrap();
    let day = number(day, 2, 31)?;
    if month == 0 || day == 0 || day > month_days(year, month) {
        return None;
    }
    let days = days_before(year) + (1..month).map(|it| month_days(year, it)).sum::<i128>() + day
        - 1
        - days_before(1970);
    let of_day =
        number(hour, 2, 23)? * 3_600 + number(minute, 2, 59)? * 60 + number(second, 2, 59)?;
    let ahead = match zone {
        "Z" => 0,
        zone => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let ahead = number(hours, 2, 23)? * 3_600 + number(minutes, 2, 59)? * 60;
            if zone.starts_with('-') { -ahead } else { ahead }
        }
    };
    in_years((days * 86_400 + of_day - ahead) * SECOND + nanos)
}

/// Writes a fraction of a second without its last zeros, and nothing for none.
fn write_fraction(nanos: i128) -> String {
    let digits = format!(".{nanos:09}");
    digits
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

pub(super) fn write_time(time: i128) -> String {
    let date = civil(time);
    let seconds = date.nanos / SECOND;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z",
        date.year,
        date.month,
        date.day,
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        write_fraction(date.nanos % SECOND)
    )
}

/// Reads `-1h30m0.5s`.
pub(super) fn read_span(text: &str) -> Option<i64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    if body == "0" {
        return Some(0);
    }
    let mut rest = body;
    let mut total = 0_i128;
    while !rest.is_empty() || total == 0 && rest.len() == body.len() {
        let digits_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, after) = rest.split_at(digits_end);
        let (unit, nanos) = [
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("μs", 1_000),
            ("ms", 1_000_000),
            ("s", SECOND),
            ("m", 60 * SECOND),
            ("h", 3_600 * SECOND),
        ]
        .into_iter()
        .find(|(unit, _)| after.starts_with(unit))?;
        rest = &after[unit.len()..];
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        if part.contains('.') || whole.is_empty() && part.is_empty() {
            return None;
        }
        if whole.len() > 25 {
            return None;
        }
        total += format!("0{whole}").parse::<i128>().unwrap() * nanos;
        // A fraction with more digits than nanoseconds of an hour has no more to say.
        let part: String = part.chars().take(18).collect();
        let scale = 10_i128.pow(u32::try_from(part.len()).unwrap());
        total += format!("0{part}").parse::<i128>().unwrap() * nanos / scale;
    }
    i64::try_from(if text.starts_with('-') { -total } else { total }).ok()
}

pub(super) fn write_span(span: i64) -> String {
    let nanos = i128::from(span).abs();
    let sign = if span < 0 { "-" } else { "" };
    format!(
        "{sign}{}{}s",
        nanos / SECOND,
        write_fraction(nanos % SECOND)
    )
}

/// By how many seconds a zone is ahead: only zones that never change, and offsets.
pub(super) fn zone(text: &str) -> Option<i128> {
    match text {
        "" | "UTC" | "Etc/UTC" => return Some(0),
        "Etc/GMT+5" => return Some(-5 * 3_600),
        "Etc/GMT-14" => return Some(14 * 3_600),
        _ => {}
    }
    let (hours, minutes) = text.split_once(':')?;
    let digits = hours.strip_prefix(['+', '-']).unwrap_or(hours);
    let of = |text: &str, most| number(text, 1, most).or_else(|| number(text, 2, most));
    let ahead = of(digits, 23)? * 3_600 + of(minutes, 59)? * 60;
    Some(if hours.starts_with('-') {
        -ahead
    } else {
        ahead
    })
}

/// Reads an address: its version and bits. One that is mapped into IPv6 is that of version 4.
pub(super) fn read_ip(text: &str) -> Option<(u8, u128)> {
    if !text.contains(':') {
        return read_ip4(text).map(|bits| (4, bits));
    }
    let (head, tail) = match text.split_once("::") {
        // Four bytes are the last two groups, and stand nowhere else.
        Some((head, _)) if head.contains('.') => return None,
        Some((head, tail)) => (groups(head)?, Some(groups(tail)?)),
        None => (groups(text)?, None),
    };
    let known = head.len() + tail.as_ref().map_or(0, Vec::len);
    let zeros = match tail {
        Some(_) if known < 8 => 8 - known,
        None if known == 8 => 0,
        _ => return None,
    };
    let all = head
        .into_iter()
        .chain(std::iter::repeat_n(0, zeros))
        .chain(tail.unwrap_or_default());
    let bits = all.fold(0, |bits, group| bits << 16 | group);
    Some(if bits >> 32 == 0xffff {
        (4, bits & 0xffff_ffff)
    } else {
        (6, bits)
    })
}

fn read_ip4(text: &str) -> Option<u128> {
    let parts: Vec<&str> = text.split('.').collect();
    let of = |part: &&str| {
        let plain = *part == "0" || !part.starts_with('0');
        number(part, part.len(), 255).filter(|_| plain && !part.is_empty() && part.len() < 4)
    };
    let bytes: Option<Vec<i128>> = parts.iter().map(of).collect();
    let bytes = bytes.filter(|bytes| bytes.len() == 4)?;
    u128::try_from(bytes.into_iter().fold(0, |bits, byte| bits << 8 | byte)).ok()
}

/// Groups of 16 bits, of which the last two can be written as four bytes.
fn groups(text: &str) -> Option<Vec<u128>> {
    let mut groups = Vec::new();
    if text.is_empty() {
        return Some(groups);
    }
    let parts: Vec<&str> = text.split(':').collect();
    for (at, part) in parts.iter().enumerate() {
        if at + 1 == parts.len() && part.contains('.') {
            let bits = read_ip4(part)?;
            groups.extend([bits >> 16, bits & 0xffff]);
            continue;
        }
        let fits = (1..=4).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_hexdigit());
        groups.push(u128::from_str_radix(part, 16).ok().filter(|_| fits)?);
    }
    Some(groups)
}

/// Whether an address is in a network; none if the text is no network.
pub(super) fn is_in((version, bits): (u8, u128), network: &str) -> Option<bool> {
    let (base, length) = network.split_once('/')?;
    let written_as_6 = base.contains(':');
    let (base_version, base_bits) = read_ip(base)?;
    let plain = length == "0" || !length.starts_with('0');
    let width = if written_as_6 { 128 } else { 32 };
    let length = number(length, length.len(), width).filter(|_| plain)?;
    let length = u32::try_from(length).unwrap();
    let (base_version, length) = match base_version {
        4 if written_as_6 && length >= 96 => (4, length - 96),
        // Of a mapped address, fewer bits than name the version are a network of version 6.
        4 if written_as_6 => (6, length),
        version => (version, length),
    };
    if version != base_version {
        return Some(false);
    }
    let width = if version == 4 { 32 } else { 128 };
    let mask = |bits: u128| bits.checked_shr(width - length).unwrap_or(0);
    let base_bits = if base_version == 6 && written_as_6 && read_ip(base)?.0 == 4 {
        0xffff << 32 | base_bits
    } else {
        base_bits
    };
    Some(mask(bits) == mask(base_bits))
}
