/**
 * The public part of GnuPG's key, kept in WAL-G's file `.walg_key_cache` (`compression-crypto.md` 4.1 of the
 * specification). Whatever is wrong with it, gpg is asked again: also where somebody else could have written it, since for
 * a key put there everything would be encrypted from then on.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../errors.ts';
import { removeQuietly } from '../../platform/files.ts';
import type { Logger } from '../../platform/logger.ts';
import { tempNameFor } from '../../platform/temp-name.ts';

/** The file in one home directory. */
export interface GpgKeyCache {
  readonly path: string;
  /** The armored key of this id; undefined when it isn't kept. */
  read(keyId: string): Buffer | undefined;
  /** Replaces what is kept. A failure is logged only. */
  write(keyId: string, armored: Uint8Array): void;
}

/** @param home home directory of the user database */
export function gpgKeyCache(home: string, logger: Logger): GpgKeyCache {
  const path = join(home, '.walg_key_cache');
  return {
    path,
    read(keyId) {
      try {
        const kept = JSON.parse(readOwn(path)) as {
          readonly keyId?: unknown;
          readonly body?: unknown;
        } | null;
        if (kept?.keyId !== keyId || typeof kept.body !== 'string') return undefined;
        const armored = Buffer.from(kept.body, 'base64');
        return armored.length === 0 ? undefined : armored;
      } catch {
        return undefined;
      }
    },
    write(keyId, armored) {
      const temporary = tempNameFor(path, new Date());
      try {
        writeFileSync(temporary, JSON.stringify({ keyId, body: Buffer.from(armored).toString('base64') }), {
          mode: 0o644,
          flag: 'wx',
        });
        renameSync(temporary, path);
      } catch (error) {
        removeQuietly(temporary);
        logger.debug('key of GnuPG not kept', { path, reason: messageOf(error) });
      }
    },
  };
}

/** Who else may write a file, by its mode. */
const othersWrite = 0o022;

/** @throws Error for a file that another user than this one or root owns, or may write */
function readOwn(path: string): string {
  // Nor may a pipe that was put there keep us waiting.
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(descriptor);
    const isOurs = facts.uid === 0 || facts.uid === process.geteuid?.();
    if (!isOurs || !facts.isFile() || (facts.mode & othersWrite) !== 0)
      throw new Error('somebody else may have written it');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
