/** What new objects are made of: how they are compressed and encrypted, tried in memory. */
import { randomBytes } from 'node:crypto';
import { collect, fromBytes } from '../bytes/stage.ts';
import { tryInMemory } from '../catalog/key-check/round-trip.ts';
import { verdictOf } from '../catalog/key-check/verdict.ts';
import { openCodec } from '../codecs/open.ts';
import { chosenCompression } from '../codecs/settings.ts';
import type { RawSettings } from '../config/setting.ts';
import { openCrypter } from '../crypto/open.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { fail, ok, tryTo, warn, type Check } from './check.ts';

/** What to check, and with what. */
export interface EncodingCheckOptions {
  readonly settings: RawSettings;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const limitMs = 60_000;
const methods = { openpgp: 'OpenPGP', libsodium: 'libsodium', 'aws-kms': 'AWS KMS' } as const;

/** Checks compression and keys. @throws the reason of the signal; nothing else */
export async function* checkEncoding(options: EncodingCheckOptions): AsyncGenerator<Check, void> {
  yield await checkCompression(options);
  yield await checkKeys(options);
}

async function checkCompression({ settings, signal }: EncodingCheckOptions): Promise<Check> {
  const finding = await tryTo({ signal, limitMs }, async () => {
    const { method, level } = chosenCompression(settings);
    const codec = await openCodec(method, { level });
    const sample = Buffer.concat([randomBytes(50_000), Buffer.alloc(50_000)]);
    const packed = await collect(codec.compress(fromBytes(sample)));
    const back = await collect(codec.decompress(fromBytes(packed)), sample.length);
    if (!back.equals(sample)) return fail(`${method} gave other bytes back`, undefined, 'corrupt');
    return ok(level === undefined ? method : `${method}, level ${level}`, { method, level: level ?? null });
  });
  return { area: 'encryption', name: 'compression', ...finding };
}

async function checkKeys({ settings, logger, clock, signal }: EncodingCheckOptions): Promise<Check> {
  const finding = await tryTo({ signal, limitMs }, async (limited) => {
    const crypter = await openCrypter(settings, { logger });
    if (crypter === undefined) return ok('no key is set: new objects are stored in clear', { method: 'none' });
    const report = await crypter.report();
    const inMemory = await tryInMemory({ crypter, canDecrypt: report.canDecrypt, signal: limited });
    const keys = { method: crypter.method, report, inMemory, throughStorage: undefined };
    const { problems, warnings } = verdictOf({ location: '', keys, groups: [] }, clock.now());
    const ids = report.keys.map(({ id }) => id).join(', ');
    const text = `${methods[crypter.method]}, ${ids}`;
    const figures = {
      method: crypter.method,
      can_encrypt: report.canEncrypt,
      can_decrypt: report.canDecrypt,
    };
    const [problem] = problems;
    if (problem !== undefined) return { ...fail(problem.message, problem.hint, problem.kind), figures };
    const cannotDecrypt = inMemory.kind === 'half';
    const hint = cannotDecrypt
      ? 'Run key check where the private key is kept: only there it is proven that the backups can be read.'
      : 'Run key check: it tells what to do about keys that expire.';
    if (warnings.length > 0) return warn(`${text}: ${warnings.join('; ')}`, hint, figures);
    return ok(`${text}: encrypts and decrypts`, figures);
  });
  return { area: 'encryption', name: 'keys', ...finding };
}
