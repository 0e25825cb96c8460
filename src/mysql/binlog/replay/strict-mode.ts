/**
 * `gtid_strict_mode` of MariaDB during a replay. `CREATE TABLE … SELECT` is one transaction of its server, but two of the one
 * it is replayed to, the second of which gets the next number; the transaction that has that number is refused then.
 */
import { messageOf } from '../../../errors.ts';
import type { Logger } from '../../../platform/logger.ts';
import type { MysqlServer } from '../../server/server.ts';

const setting = 'gtid_strict_mode';

/**
 * Turns it off while `use` runs, if it is on, and on again however that ends. Without the right to do that it stays on.
 *
 * @param options.connect opens another connection, since the first may be closed by then
 */
export async function withoutStrictMode<T>(
  server: MysqlServer,
  options: { readonly connect: () => Promise<MysqlServer>; readonly logger: Logger },
  use: () => Promise<T>,
): Promise<T> {
  const { connect, logger } = options;
  if (!(await turnOff(server, logger))) return use();
  try {
    return await use();
  } finally {
    try {
      await using again = await connect();
      await again.query(`SET GLOBAL ${setting} = 1`);
    } catch (error) {
      logger.warn(
        `${setting} of the server could not be turned on again: unless it is restarted, SET GLOBAL ${setting} = 1`,
        {
          error: messageOf(error),
        },
      );
    }
  }
}

async function turnOff(server: MysqlServer, logger: Logger): Promise<boolean> {
  const value = (await server.variables([setting])).get(setting);
  if (value === undefined || !['1', 'ON'].includes(value.toUpperCase())) return false;
  try {
    await server.query(`SET GLOBAL ${setting} = 0`);
  } catch (error) {
    logger.warn(`${setting} of the server is on and cannot be turned off: a CREATE TABLE … SELECT may end the replay`, {
      error: messageOf(error),
    });
    return false;
  }
  logger.info(`${setting} of the server is turned off for the time of the replay`);
  return true;
}
