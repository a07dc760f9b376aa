// Counts what is followed: in all, and second by second over the last minute.

import { type DecisionRecord, isFailure } from "./record";

export const SECONDS = 60;
/** LIMIT: times of one second that are kept: enough for a percentile. */
const MOST_TIMES = 2_000;

export interface Second {
  at: number;
  permits: number;
  denials: number;
  failures: number;
  times: number[];
}

export interface Counts {
  permits: number;
  /** Denials, failures among them. */
  denials: number;
  failures: number;
}

export class Tally {
  counts: Counts = { permits: 0, denials: 0, failures: 0 };
  private seconds: Second[] = [];

  take(record: DecisionRecord, now: number): void {
    const second = this.second(now);
    if (record.decision === "permit") {
      this.counts.permits += 1;
      second.permits += 1;
    } else if (isFailure(record)) {
      this.counts.denials += 1;
      this.counts.failures += 1;
      second.failures += 1;
    } else {
      this.counts.denials += 1;
      second.denials += 1;
    }
    if (record.took_us !== undefined && second.times.length < MOST_TIMES) second.times.push(record.took_us);
  }

  /** The last minute, the oldest second first, those without decisions among them. */
  minute(now: number): Second[] {
    const last = Math.floor(now / 1_000);
    const known = new Map(this.seconds.map((second) => [second.at, second]));
    return Array.from({ length: SECONDS }, (_, at) => known.get(last - SECONDS + 1 + at) ?? empty(last - SECONDS + 1 + at));
  }

  private second(now: number): Second {
    const at = Math.floor(now / 1_000);
    const newest = this.seconds.at(-1);
    if (newest?.at === at) return newest;
    const next = empty(at);
    this.seconds.push(next);
    if (this.seconds.length > SECONDS + 1) this.seconds.shift();
    return next;
  }
}

const empty = (at: number): Second => ({ at, permits: 0, denials: 0, failures: 0, times: [] });

/** The time below which so much of a second's decisions stay; none if there are no times. */
export function percentile(times: number[], share: number): number | undefined {
  if (times.length === 0) return undefined;
  const sorted = [...times].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** A time for people. */
export const inWords = (us: number): string => (us < 1_000 ? `${us} µs` : us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(1)} s`);
