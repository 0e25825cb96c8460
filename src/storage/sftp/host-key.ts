/** Whether the server is the one that was meant: its key against the files of known ones. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ArchiverError, codeOf } from '../../errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { StorageForbiddenError } from '../errors.ts';
import type { SftpConfig } from './config.ts';
import {
  fingerprint,
  hostName,
  judgeHostKey,
  keyTypeOf,
  knownHostLine,
  knownKeyTypes,
  parseKnownHosts,
  type KnownHost,
} from './known-hosts.ts';

/** What a connection needs to know of the keys of its server. */
export interface HostKeyCheck {
  /** Types of the keys by which it is known, to be asked for first; with none, any will do. */
  readonly keyTypes: readonly string[];
  /** @throws StorageForbiddenError, ArchiverError (`config`) unless the key may be trusted */
  verify(key: Buffer): void;
}

/** Reads the files of known keys anew. @throws ArchiverError (`config`) when one is there and cannot be read */
export function openHostKeyCheck(config: SftpConfig, logger: Logger): HostKeyCheck {
  const { host, port, hostKeyCheck: mode } = config;
  const known = config.knownHosts.flatMap(knownIn);
  return {
    keyTypes: knownKeyTypes(known, host, port),
    verify(key) {
      const verdict = judgeHostKey(known, { host, port, key });
      const shown = `${keyTypeOf(key)} ${fingerprint(key)}`;
      const [file = ''] = config.knownHosts;
      if (verdict === 'known') return;
      if (verdict === 'revoked') {
        throw new StorageForbiddenError(`the key of ${host} is marked as revoked: ${shown}`, {
          hint: 'Somebody else may have it: do not use this server before its administrator has changed the key.',
        });
      }
      if (mode === 'off') return;
      if (verdict === 'changed') {
        throw new StorageForbiddenError(`the key of ${host} is not the one that is known: ${shown}`, {
          hint: `Either the server was set up anew or somebody is between: ask its administrator for the fingerprint. If it is this one, remove the old key with "ssh-keygen -R '${hostName(host, port)}' -f ${file}" and add the new one.`,
        });
      }
      if (mode === 'strict') {
        throw new StorageForbiddenError(`the key of ${host} is not known: ${shown}`, {
          hint: `Compare the fingerprint with that of the server, then add its key: "ssh-keyscan -p ${port} ${host} >> ${file}". With WALG_SSH_HOST_KEY_CHECK=accept-new the first key is noted without being compared.`,
        });
      }
      remember(file, knownHostLine(host, port, key));
      logger.warn('the key of a new server was noted', { host, port, key: shown, file });
    },
  };
}

function knownIn(file: string): readonly KnownHost[] {
  try {
    return parseKnownHosts(readFileSync(file, 'utf8'));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return [];
    throw new ArchiverError('config', `cannot read the file of known servers: "${file}"`, {
      cause,
      hint: 'Let the user who runs this read it, or set WALG_SSH_KNOWN_HOSTS to another.',
    });
  }
}

/** Trusting a key without remembering it would be trusting any key. */
function remember(file: string, line: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, needsLineEnd(file) ? `\n${line}` : line, { mode: 0o600 });
  } catch (cause) {
    throw new ArchiverError('config', `cannot note the key of a new server in "${file}"`, {
      cause,
      hint: 'Let the user who runs this write that file, or set WALG_SSH_KNOWN_HOSTS to one that can be written.',
    });
  }
}

function needsLineEnd(file: string): boolean {
  try {
    return /[^\n]$/.test(readFileSync(file, 'latin1'));
  } catch {
    return false;
  }
}
