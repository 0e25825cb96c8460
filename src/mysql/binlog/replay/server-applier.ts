/** Applies binary logs to the server of `WALG_MYSQL_DATASOURCE_NAME`, once it is sure that they are not in it already. */
import type { RawSettings } from '../../../config/setting.ts';
import { ArchiverError } from '../../../errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import { connectServer, datasourceOf } from '../../server/connect.ts';
import { locationOf, type Datasource } from '../../server/datasource.ts';
import type { MysqlServer } from '../../server/server.ts';
import { flavorOfGtid, parseGtidSet } from '../gtid/gtid-set.ts';
import { parseMariadbGtid } from '../gtid/mariadb-gtid-position.ts';
import type { BinlogRange } from '../range/plan.ts';
import type { StagedBinlog } from '../range/stage-binlog.ts';
import type { BinlogApplier } from './applier.ts';
import { findClientPrograms } from './client-programs.ts';
import { withClientSession } from './client-session.ts';
import { withoutStrictMode } from './strict-mode.ts';

/** Where to apply what. */
export interface ServerApplierOptions {
  readonly range: BinlogRange;
  readonly settings: RawSettings;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Connects, and gives an applier as long as `use` runs.
 *
 * @throws DatasourceError, ServerConnectError; ArchiverError (`missing`) without the programs, (`config`) for a server of the
 * other flavour, (`cannotWrite`) for one that has the transactions; what `use` throws
 */
export async function withServerApplier<T>(
  { range, settings, logger, signal }: ServerApplierOptions,
  use: (applier: BinlogApplier) => Promise<T>,
): Promise<T> {
  const [first] = range.steps;
  if (first === undefined) return use({ apply: () => Promise.resolve() });
  const { flavor } = first.head;
  const programs = findClientPrograms(flavor, settings.get('PATH')?.text ?? '/usr/bin:/bin');
  const wanted = datasourceOf(settings);
  await using server = await connectServer(settings, { logger, signal });
  refuseOther(server, wanted);
  if (server.flavor !== flavor) {
    throw new ArchiverError(
      'config',
      `the binary logs are of ${titles[flavor]}, the server is ${titles[server.flavor]}`,
      {
        hint: 'Name the restored server in WALG_MYSQL_DATASOURCE_NAME.',
      },
    );
  }
  // Without the signal: also after an interrupt the server gets its setting back.
  const connect = (): Promise<MysqlServer> => connectServer(settings, { logger });
  const session = { programs, flavor, datasource: server.datasource, signal };
  return await withoutStrictMode(server, { connect, logger }, () =>
    withClientSession(session, (client) => {
      let isChecked = false;
      return use({
        async apply(binlog, path) {
          if (!isChecked) await refuseApplied(server, binlog);
          isChecked = true;
          await client.apply(binlog, path);
        },
      });
    }),
  );
}

const titles = { mysql: 'MySQL', mariadb: 'MariaDB' } as const;

/** Reading may go on at a second choice, but what is written goes to the server that was named. */
function refuseOther(server: MysqlServer, wanted: Datasource): void {
  if (locationOf(server.datasource.address) === locationOf(wanted.address)) return;
  throw new ArchiverError('unavailable', `the MySQL server at ${locationOf(wanted.address)} does not answer`, {
    hint: 'Binary logs are applied to no other server than that of WALG_MYSQL_DATASOURCE_NAME.',
  });
}

/** A server that has executed the first transaction is not the restored one, or has been replayed to already. */
async function refuseApplied(server: MysqlServer, { name, firstGtid }: StagedBinlog): Promise<void> {
  if (firstGtid === undefined || !(await hasExecuted(server, firstGtid))) return;
  throw new ArchiverError(
    'cannotWrite',
    `the server at ${server.location} has executed ${firstGtid} of "${name}" before`,
    {
      hint: 'If it is the restored server and was replayed to, go on after its last transaction with --since and its GTID. If it was restored from a dump, or the last that was replayed is a CREATE TABLE … SELECT, run RESET MASTER there first. If it is another server, correct WALG_MYSQL_DATASOURCE_NAME.',
    },
  );
}

async function hasExecuted(server: MysqlServer, text: string): Promise<boolean> {
  if (flavorOfGtid(text) === 'mysql') return parseGtidSet(await server.executedGtids(), 'mysql').containsGtid(text);
  const gtid = parseMariadbGtid(text);
  if (gtid === undefined) return false;
  const { domain, serverId, sequence } = gtid;
  const known = await server.variables(['gtid_binlog_state', 'gtid_slave_pos']);
  // The very server's: sequence numbers of others tell nothing.
  const executed = [...known.values()].flatMap((list) => list.split(',')).map((part) => parseMariadbGtid(part.trim()));
  return executed.some((one) => one?.domain === domain && one.serverId === serverId && one.sequence >= sequence);
}
