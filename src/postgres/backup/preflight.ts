/** What is looked at before a backup is started: that the directory is the server's own, and that it can be read. */
import { accessSync, constants, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { collect, fromBytes } from '../../bytes/stage.ts';
import { ArchiverError, codeOf, messageOf } from '../../errors.ts';
import type { Transport } from '../../pipeline/transport.ts';
import type { Logger } from '../../platform/logger.ts';
import { controlFilePath, readControlFile } from '../pgdata.ts';
import type { PostgresServer } from '../server/server.ts';

/** A server whose data a directory holds. */
export type ServerIdentity = Pick<PostgresServer, 'dataDirectory' | 'systemIdentifier' | 'segmentBytes' | 'location'>;

/**
 * Makes sure that `directory` is the data directory of the server.
 *
 * @returns its absolute path without symbolic links
 * @throws ArchiverError: `missing`, `forbidden`, `config`
 */
export function checkDataDirectory(directory: string, server: ServerIdentity): string {
  const given = resolved(directory, 'the given data directory');
  const own = resolved(server.dataDirectory, `the data directory of the server at ${server.location}`);
  if (given !== own) {
    throw new ArchiverError('config', `data directory "${given}" is not the one of the server, "${own}"`, {
      hint: 'Give the data directory of the server that PGHOST and PGPORT lead to, or correct these.',
    });
  }
  for (const name of [controlFilePath, 'PG_VERSION']) checkReadable(join(own, name));
  const { systemIdentifier } = readControlFile(own);
  if (server.systemIdentifier !== undefined && server.systemIdentifier !== systemIdentifier) {
    throw new ArchiverError(
      'config',
      `"${own}" holds the cluster ${systemIdentifier}, the server at ${server.location} runs the cluster ${server.systemIdentifier}`,
      { hint: 'The server is on another machine, at the same path: run backup-push on the machine of the server.' },
    );
  }
  return own;
}

/**
 * Makes sure that the configured segment size, when one is given, is the server's.
 *
 * @throws ArchiverError (kind `config`)
 */
export function checkSegmentSize(configuredBytes: number | undefined, server: ServerIdentity): void {
  if (configuredBytes === undefined || configuredBytes === server.segmentBytes) return;
  const mebibytes = (bytes: number) => bytes / (1024 * 1024);
  throw new ArchiverError(
    'config',
    `WALG_PG_WAL_SIZE is ${mebibytes(configuredBytes)}, the server has WAL segments of ${mebibytes(server.segmentBytes)} MiB`,
    { hint: `Set WALG_PG_WAL_SIZE=${mebibytes(server.segmentBytes)}.` },
  );
}

/**
 * Encrypts nothing at all, once: a key that has expired is told of before the server is asked for a backup.
 *
 * @throws ArchiverError of the crypter
 */
export async function checkEncryption({ crypter }: Pick<Transport, 'crypter'>): Promise<void> {
  if (crypter !== undefined) await collect(crypter.encrypt(fromBytes(new Uint8Array(0))));
}

/** Tells what of the server's archiving is wrong for a backup. */
export function reportArchiving({ archiving, inRecovery }: PostgresServer, logger: Logger): void {
  if (archiving.active || inRecovery) return;
  const reason =
    archiving.mode === 'off' ? 'archive_mode is off' : 'neither archive_command nor archive_library is set';
  logger.warn(
    `the server does not archive its WAL (${reason}): unless something else archives it, this backup cannot be restored`,
  );
}

function resolved(path: string, what: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw accessError(error, what, path);
  }
}

function checkReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw accessError(error, 'a file that every data directory has', path);
  }
}

function accessError(error: unknown, what: string, path: string): ArchiverError {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new ArchiverError('missing', `${what} is not there: "${path}"`, {
      cause: error,
      hint: 'backup-push runs on the machine of the server and reads its files.',
    });
  }
  return new ArchiverError('forbidden', `cannot read ${what}: ${messageOf(error)}`, {
    cause: error,
    hint: 'Run the backup as the operating system user that owns the data directory (usually postgres).',
  });
}
