/**
 * One stage as a whole process, for comparison with programs that do the same to a file:
 *
 *   stage-main compress|decompress METHOD FROM TO
 *   stage-main encrypt|decrypt KEYS FROM TO        (KEYS: any word; the keys come from the settings in the environment)
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import type { ByteSource, Stage } from '../../src/bytes/stage.ts';
import { codecForKey, openCodec } from '../../src/codecs/open.ts';
import type { CodecName } from '../../src/codecs/codec.ts';
import { rawSettings } from '../../src/config/setting.ts';
import { openCrypter } from '../../src/crypto/open.ts';
import type { Crypter } from '../../src/crypto/crypter.ts';
import type { Logger } from '../../src/platform/logger.ts';

/** As the file storage reads: one buffer, lent out again and again. */
// eslint-disable-next-line @typescript-eslint/require-await -- an AsyncIterable is what stages take
async function* chunksOf(path: string): ByteSource {
  const descriptor = openSync(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(128 << 10);
  for (;;) {
    const length = readSync(descriptor, buffer);
    if (length === 0) break;
    yield buffer.subarray(0, length);
  }
  closeSync(descriptor);
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

async function crypter(): Promise<Crypter> {
  const settings = Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const opened = await openCrypter(rawSettings(Object.fromEntries(settings) as Record<string, string>), {
    logger: silent,
  });
  if (opened === undefined) throw new Error('no key is set');
  return opened;
}

async function chosenStage(action: string, method: string): Promise<Stage> {
  switch (action) {
    case 'compress':
      return (await openCodec(method as CodecName)).compress;
    case 'decompress':
      return (await codecForKey(`stage.${method}`)).decompress;
    case 'encrypt':
      return (await crypter()).encrypt;
    case 'decrypt':
      return (await crypter()).decrypt;
    default:
      throw new Error(`no such action: "${action}"`);
  }
}

const [action = '', method = '', from = '', to = ''] = process.argv.slice(2);
const stage = await chosenStage(action, method);
const target = openSync(to, 'w');
for await (const chunk of stage(chunksOf(from))) {
  for (let written = 0; written < chunk.length;) written += writeSync(target, chunk, written);
}
closeSync(target);
