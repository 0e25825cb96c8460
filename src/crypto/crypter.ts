/** Encryption of objects, the outermost layer. Nothing in an object's name tells that it is encrypted. */
import type { Stage } from '../bytes/stage.ts';

/** One way of encrypting, with its keys. Each stream gets a fresh session key. */
export interface Crypter {
  readonly method: 'openpgp' | 'libsodium' | 'aws-kms';
  readonly encrypt: Stage;
  /** Ends with a `CorruptError` when the stream is cut or was changed, with a `forbidden` error for a wrong key. */
  readonly decrypt: Stage;
  /** Which keys these are and what they can do; nothing secret, no byte of a private key. */
  report(): Promise<KeyReport>;
  /**
   * Whom an object is for, as far as its first bytes tell.
   *
   * @param head the first 16 KiB of the object, or all of it if it is shorter
   */
  identify(head: Uint8Array): Promise<ObjectKeys>;
  /**
   * Whether a key that is here opens the object, proven by its first bytes, as in {@link identify}: an id proves nothing,
   * since of that key only the public part may be here. False where they don't prove it; undefined: they never do.
   */
  readonly opens?: (head: Uint8Array) => Promise<boolean>;
}

/** What a crypter can do with the keys it has. */
export interface KeyReport {
  readonly canEncrypt: boolean;
  readonly canDecrypt: boolean;
  readonly keys: readonly KeyFacts[];
}

/** One key, as people know it. */
export interface KeyFacts {
  /** Key id in upper-case hex, ARN, or a fingerprint that tells nothing about the key. */
  readonly id: string;
  /** Of an OpenPGP key, in upper-case hex. */
  readonly fingerprint?: string | undefined;
  /** Such as `RSA 2048`, `Curve25519`, `XChaCha20-Poly1305`. */
  readonly algorithm: string;
  /** User ids of an OpenPGP key. */
  readonly users: readonly string[];
  readonly created: Date | undefined;
  readonly expires: Date | undefined;
  readonly encrypts: boolean;
  readonly decrypts: boolean;
  /** A private key is here that would decrypt, were it not locked. */
  readonly locked?: boolean;
  /** Why it doesn't do one of them, when that is not plain: `expired`, `only the public part is here` … */
  readonly remark: string | undefined;
}

/** What an object's first bytes tell. */
export interface ObjectKeys {
  /** False: these bytes are certainly not encrypted in this crypter's way; undefined: nothing can be told. */
  readonly encrypted: boolean | undefined;
  /** Ids as in {@link KeyFacts}, of the keys that can read it; empty where the format doesn't tell. */
  readonly recipients: readonly string[];
  /** One of them is among this crypter's keys; undefined where the format doesn't tell. */
  readonly ours: boolean | undefined;
}
