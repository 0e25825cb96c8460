/** From settings to the 32 bytes of a key. */
import { readFileSync } from 'node:fs';
import { readSetting, type RawSettings } from '../../config/setting.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { libsodiumSettings } from '../settings.ts';

/** Bytes of a key. */
export const keyBytes = 32;

/** Fewer bytes than this are refused even where padding is allowed. */
const fewestBytes = 25;

/** White space as `strings.TrimSpace` of Go knows it, in UTF-8, written as one character per byte. */
const space =
  '(?:[\\t-\\r ]|\\xc2[\\x85\\xa0]|\\xe1\\x9a\\x80|\\xe2\\x80[\\x80-\\x8a\\xa8\\xa9\\xaf]|\\xe2\\x81\\x9f|\\xe3\\x80\\x80)+';
const spaceAround = new RegExp(`^${space}|${space}$`, 'g');

/**
 * The key that WALG_LIBSODIUM_KEY, else the file of WALG_LIBSODIUM_KEY_PATH, holds, by WALG_LIBSODIUM_KEY_TRANSFORM
 * (`compression-crypto.md` 5 of the specification).
 *
 * @throws ArchiverError (`config`) when there is none, or it isn't one; the message tells nothing of its bytes
 */
export function libsodiumKey(raw: RawSettings): Uint8Array {
  const { name, bytes } = keyMaterial(raw);
  const transform = readSetting(libsodiumSettings.keyTransform, raw);
  switch (transform) {
    case 'none':
      return paddedKey(bytes, name);
    case 'base64':
      return decodedKey(bytes, 'base64', /^[A-Za-z0-9+/]{43}=$/, name);
    case 'hex':
      return decodedKey(bytes, 'hex', /^[0-9A-Fa-f]{64}$/, name);
  }
}

function keyMaterial(raw: RawSettings): { readonly name: string; readonly bytes: Buffer } {
  const { key, keyPath } = libsodiumSettings;
  // Not by readSetting: a line end in the variable belongs to the key.
  const inline = raw.get(key.env);
  if (inline !== undefined) return { name: key.env, bytes: Buffer.from(inline.text) };
  const path = readSetting(keyPath, raw);
  if (path === undefined) throw new ArchiverError('config', `neither ${key.env} nor ${keyPath.env} is set`);
  try {
    const text = readFileSync(path, 'latin1').replace(spaceAround, '');
    return { name: `the file of ${keyPath.env}`, bytes: Buffer.from(text, 'latin1') };
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the libsodium key file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: `Correct ${keyPath.env}, and let the user of this program read the file.`,
    });
  }
}

function paddedKey(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes.length < fewestBytes) {
    throw new ArchiverError(
      'config',
      `the libsodium key in ${name} has ${bytes.length} bytes, fewer than ${fewestBytes}`,
      {
        hint: `Make one by "openssl rand -hex ${keyBytes}", and set ${libsodiumSettings.keyTransform.env} to hex.`,
      },
    );
  }
  const key = new Uint8Array(keyBytes);
  key.set(bytes.subarray(0, keyBytes));
  return key;
}

function decodedKey(bytes: Buffer, encoding: 'base64' | 'hex', shape: RegExp, name: string): Uint8Array {
  const text = bytes.toString('latin1').replace(/[\r\n]/g, '');
  if (!shape.test(text)) {
    throw new ArchiverError('config', `the libsodium key in ${name} is not ${keyBytes} bytes in ${encoding}`, {
      hint: `Give ${keyBytes} bytes in ${encoding}, or set ${libsodiumSettings.keyTransform.env} to what the key is written in.`,
    });
  }
  return new Uint8Array(Buffer.from(text, encoding));
}
