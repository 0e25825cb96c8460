/** MariaDB's GTID positions: the last transaction of each replication domain. */
import { flavorsDiffer, notGtids } from './errors.ts';
import type { GtidSet } from './gtid-set.ts';

/** One transaction: `0-1-7`. */
export interface MariadbGtid {
  readonly domain: number;
  readonly serverId: number;
  readonly sequence: bigint;
}

/** Reads `domain-server-sequence`; undefined when it is none. */
export function parseMariadbGtid(text: string): MariadbGtid | undefined {
  const [, domain, server, sequence] = /^(\d{1,10})-(\d{1,10})-(\d{1,20})$/.exec(text) ?? [];
  if (domain === undefined || server === undefined || sequence === undefined) return undefined;
  return { domain: Number(domain), serverId: Number(server), sequence: BigInt(sequence) };
}

/** `0-1-7`. */
export function formatMariadbGtid({ domain, serverId, sequence }: MariadbGtid): string {
  return `${domain}-${serverId}-${sequence}`;
}

/** See {@link GtidSet}. */
export class MariadbGtidPosition implements GtidSet {
  static readonly empty = new MariadbGtidPosition(new Map());

  readonly flavor = 'mariadb';
  readonly #domains: ReadonlyMap<number, MariadbGtid>;

  private constructor(domains: ReadonlyMap<number, MariadbGtid>) {
    this.#domains = domains;
  }

  /** Of several in one domain the last one counts, which is how GTID_LIST events are written. */
  static of(gtids: Iterable<MariadbGtid>): MariadbGtidPosition {
    return new MariadbGtidPosition(new Map(Array.from(gtids, (gtid) => [gtid.domain, gtid])));
  }

  /** Of several in one domain the highest one counts. @throws ArchiverError (`usage`) */
  static parse(text: string): MariadbGtidPosition {
    const domains = new Map<number, MariadbGtid>();
    for (const part of text.split(',').map((piece) => piece.trim())) {
      if (part === '') continue;
      const gtid = parseMariadbGtid(part);
      if (gtid === undefined) throw notGtids(text);
      if ((domains.get(gtid.domain)?.sequence ?? -1n) < gtid.sequence) domains.set(gtid.domain, gtid);
    }
    return new MariadbGtidPosition(domains);
  }

  get isEmpty(): boolean {
    return this.#domains.size === 0;
  }

  /** One for each domain. */
  get gtids(): readonly MariadbGtid[] {
    return [...this.#domains.values()];
  }

  /** The last one of a domain. */
  last(domain: number): MariadbGtid | undefined {
    return this.#domains.get(domain);
  }

  covers(other: GtidSet): boolean {
    return mariadb(other).gtids.every((gtid) => this.#contains(gtid));
  }

  containsGtid(text: string): boolean {
    const gtid = parseMariadbGtid(text);
    if (gtid === undefined) throw notGtids(text);
    return this.#contains(gtid);
  }

  union(other: GtidSet): MariadbGtidPosition {
    const ahead = mariadb(other).gtids.filter((gtid) => !this.#contains(gtid));
    return ahead.length === 0 ? this : this.replacedBy(MariadbGtidPosition.of(ahead));
  }

  subtract(other: GtidSet): MariadbGtidPosition {
    const behind = mariadb(other);
    return MariadbGtidPosition.of(this.gtids.filter((gtid) => !behind.#contains(gtid)));
  }

  /** The position of each domain of the other one instead of this one's, be it ahead or behind. */
  replacedBy(other: MariadbGtidPosition): MariadbGtidPosition {
    return MariadbGtidPosition.of([...this.gtids, ...other.gtids]);
  }

  toString(): string {
    return this.gtids.map(formatMariadbGtid).sort().join(',');
  }

  #contains({ domain, sequence }: MariadbGtid): boolean {
    const own = this.#domains.get(domain);
    return own !== undefined && own.sequence >= sequence;
  }
}

function mariadb(set: GtidSet): MariadbGtidPosition {
  if (set instanceof MariadbGtidPosition) return set;
  throw flavorsDiffer();
}
