/** Whether one object can be read with the keys at hand, and if not, what is the matter with it. */
import { collect, compose, counted, type ByteSource, type Stage } from '../../bytes/stage.ts';
import { codecForKey, withoutExtension } from '../../codecs/open.ts';
import { beginsAsCompressed } from '../../codecs/signature.ts';
import type { Crypter } from '../../crypto/crypter.ts';
import { recognizeMessage } from '../../crypto/recognize.ts';
import { ArchiverError } from '../../errors.ts';
import { ObjectNotFoundError, StorageForbiddenError } from '../../storage/errors.ts';
import type { Key, Storage } from '../../storage/storage.ts';
import { appearanceOf, type Appearance } from './appearance.ts';

/** What became of an object. Recipients are ids as in `KeyFacts`, as far as the format tells. */
export type ObjectState =
  /** It was read to its end; or, when only its beginning was looked at, nothing speaks against it. */
  | { readonly kind: 'readable' }
  /** It is encrypted for a key whose private half can't be used here. */
  | { readonly kind: 'unproven'; readonly recipients: readonly string[] }
  /** No key here opens it. */
  | { readonly kind: 'otherKey'; readonly recipients: readonly string[]; readonly reason: string }
  /** It is not encrypted although a key is set; with the key set, nothing reads it. */
  | { readonly kind: 'clear' }
  /** It is encrypted although no key is set. */
  | { readonly kind: 'encrypted'; readonly recipients: readonly string[]; readonly reason: string }
  | { readonly kind: 'damaged'; readonly reason: string };

/** What objects are examined with. */
export interface Examination {
  readonly storage: Storage;
  readonly crypter: Crypter | undefined;
  /** The crypter has a key that decrypts. */
  readonly canDecrypt: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told of every piece that was read from the storage. */
  readonly onBytes?: (bytes: number) => void;
}

/** An object and its beginning. */
interface Examined {
  readonly key: Key;
  readonly head: Uint8Array;
  readonly looks: Appearance;
  /** Read it to its end. */
  readonly whole: boolean;
}

const headBytes = 16 * 1024;

/**
 * Examines an object: all of it, or its first bytes.
 *
 * @returns undefined when there is no such object (any more)
 * @throws the storage's error, and those of a key service that does not answer
 */
export async function examineObject(
  examination: Examination,
  key: Key,
  { whole }: { readonly whole: boolean },
): Promise<ObjectState | undefined> {
  try {
    const head = await collect(await open(examination, key, headBytes));
    const examined: Examined = { key, head, looks: appearanceOf(key, head), whole };
    const { crypter } = examination;
    // Neither a codec nor a crypter makes nothing of nothing.
    const neverEmpty = crypter !== undefined || withoutExtension(key) !== key;
    if (head.length === 0 && neverEmpty) return { kind: 'damaged', reason: 'it is empty' };
    return await (crypter === undefined
      ? stateWithoutKey(examination, examined)
      : stateWithKey({ ...examination, crypter }, examined));
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}

async function stateWithoutKey(examination: Examination, { key, head, looks, whole }: Examined): Promise<ObjectState> {
  const message = looks === 'plain' ? undefined : await recognizeMessage(head);
  if (message !== undefined) {
    return { kind: 'encrypted', recipients: message.recipients, reason: 'it is an OpenPGP message' };
  }
  const noise: ObjectState = {
    kind: 'encrypted',
    recipients: [],
    reason: 'its bytes look encrypted, in a way that cannot be told',
  };
  if (!whole && looks === 'noise') return noise;
  if (!whole) return beginsAsCompressed(key, head) === false ? notAsNamed : { kind: 'readable' };
  const read = await readObject(examination, key, await plainDecoding(key));
  if (read.failure === undefined) return looks === 'noise' ? noise : { kind: 'readable' };
  if (looks !== 'plain' && read.plainBytes === 0) return { ...noise, reason: `${noise.reason}, or damaged` };
  return { kind: 'damaged', reason: read.failure.message };
}

async function stateWithKey(
  examination: Examination & { readonly crypter: Crypter },
  { key, head, looks, whole }: Examined,
): Promise<ObjectState> {
  const { crypter, canDecrypt } = examination;
  const { encrypted, recipients, ours } = await crypter.identify(head);
  if (encrypted !== true && (await isClear(examination, key, looks))) return { kind: 'clear' };
  const otherKey = (reason: string): ObjectState => ({ kind: 'otherKey', recipients, reason });
  if (!canDecrypt) {
    if (ours !== false) return { kind: 'unproven', recipients };
    return encrypted === false ? notEncryptedThisWay : otherKey('it is encrypted for another key');
  }
  if (!whole && (await crypter.opens?.(head)) === true) return { kind: 'readable' };
  const codec = await codecForKey(key);
  const decode = whole ? compose(crypter.decrypt, codec.decompress) : crypter.decrypt;
  const { failure } = await readObject(examination, key, decode, { whole });
  if (failure === undefined) return { kind: 'readable' };
  if (encrypted === false) return notEncryptedThisWay;
  if (failure.kind === 'forbidden' || ours === false) return otherKey(failure.message);
  return { kind: 'damaged', reason: failure.message };
}

const notAsNamed: ObjectState = { kind: 'damaged', reason: 'it does not begin as its name says' };

const notEncryptedThisWay: ObjectState = {
  kind: 'damaged',
  reason: 'it is neither encrypted in the way that is set nor in clear',
};

/** Only a brotli stream has to be read to find out. */
async function isClear(examination: Examination, key: Key, looks: Appearance): Promise<boolean> {
  if (looks !== 'unknown' || !key.endsWith('.br')) return looks === 'plain';
  return (await readObject(examination, key, await plainDecoding(key))).failure === undefined;
}

async function plainDecoding(key: Key): Promise<Stage> {
  return (await codecForKey(key)).decompress;
}

interface Reading {
  readonly plainBytes: number;
  readonly failure: ArchiverError | undefined;
}

/** Reads an object through a stage, to its end or to the first bytes that come out of it. */
async function readObject(
  examination: Examination,
  key: Key,
  decode: Stage,
  { whole = true }: { readonly whole?: boolean } = {},
): Promise<Reading> {
  let plainBytes = 0;
  try {
    for await (const chunk of decode(await open(examination, key))) {
      plainBytes += chunk.length;
      if (!whole) break;
    }
    return { plainBytes, failure: undefined };
  } catch (error) {
    if (isAboutTheObject(error)) return { plainBytes, failure: error };
    throw error;
  }
}

/** What codecs and crypters say of bytes; everything else is a failure of the check. */
function isAboutTheObject(error: unknown): error is ArchiverError {
  if (!(error instanceof ArchiverError) || error instanceof StorageForbiddenError) return false;
  return error.kind === 'corrupt' || error.kind === 'forbidden' || error.kind === 'config';
}

async function open({ storage, signal, onBytes }: Examination, key: Key, bytes?: number): Promise<ByteSource> {
  const source = await storage.read(key, { signal, ...(bytes === undefined ? {} : { bytes }) });
  return onBytes === undefined ? source : counted(onBytes)(source);
}
