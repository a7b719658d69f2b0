import { sql } from "kysely";
import type { RawBuilder } from "kysely";

/** How the rows of `news` are numbered, so that a reader who asks for what is "after n" misses none. */
export interface NewsPosition {
  /** Where a row stands among all of them. */
  readonly newsPosition: RawBuilder<number>;
  /** Below it nothing is added any more. What is asked for below it is asked afterwards, and sees all of that. */
  readonly newsEnd: RawBuilder<number>;
}

/** Units run one after the other: the numbers come in the order of the commits. */
export const SQLITE_NEWS: NewsPosition = {
  newsPosition: sql<number>`${sql.ref("news.n")}`,
  newsEnd: sql<number>`(select coalesce(max(n), 0) + 1 from news)`,
};

/**
 * PostgreSQL gives out numbers before the commit. So a row stands at the number of its transaction, and a reader stops at the oldest
 * one of this database that still runs: all that have a lower number are stored by then, or never will be.
 *
 * A snapshot's own `xmin` counts the transactions of all databases of a server, and would wait for those of strangers; it is taken
 * only where somebody else's sessions in this database are not ours to see. Sessions tell the lower half of their number. They are
 * looked at after the snapshot was taken, whose `xmax` bounds what may have begun meanwhile.
 */
export const POSTGRES_NEWS: NewsPosition = {
  newsPosition: sql<number>`${sql.ref("news.pos")}`,
  newsEnd: sql<number>`(select
      case when bool_or(session.query = '<insufficient privilege>') then seen.oldest
        else least(seen.next, min(seen.next - (seen.next - session.backend_xid::text::bigint) % 4294967296)) end + news_offset()
    from (select pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest) as seen
      left join pg_stat_activity as session
        on session.datname = current_database() and session.backend_type = 'client backend'
    group by seen.next, seen.oldest)`,
};
