/** OpenPGP keys for tests, made by the package openpgp. */
import * as openpgp from 'openpgp';

/** A key pair, armored. */
export interface MadeKey {
  readonly publicKey: string;
  readonly privateKey: string;
  readonly key: openpgp.PrivateKey;
}

/** Options of the library's `generateKey`. */
export interface KeyShape {
  readonly type?: 'ecc' | 'rsa' | 'curve25519' | 'curve448';
  readonly curve?: openpgp.EllipticCurveName;
  readonly rsaBits?: number;
  readonly passphrase?: string;
  /** Seconds from its date on. */
  readonly keyExpirationTime?: number;
  readonly date?: Date;
  readonly subkeys?: { readonly sign: boolean }[];
  readonly config?: openpgp.PartialConfig;
}

/** Makes a key; without options one of Curve25519, as GnuPG makes it. */
export async function makeKey(shape: KeyShape = {}, user = 'Backup <backup@example.org>'): Promise<MadeKey> {
  const [, name = user, email = ''] = /^(.*) <(.*)>$/.exec(user) ?? [];
  const { privateKey: key } = await openpgp.generateKey({
    type: 'ecc',
    ...shape,
    userIDs: [{ name, email }],
    format: 'object',
  });
  return { key, publicKey: key.toPublic().armor(), privateKey: key.armor() };
}

/** The id that messages for a key name: that of its first subkey. */
export function subkeyId({ key }: MadeKey): string {
  return key.subkeys[0]?.getKeyID().toHex().toUpperCase() ?? '';
}

/** The id that people know a key by. */
export function primaryId({ key }: MadeKey): string {
  return key.getKeyID().toHex().toUpperCase();
}
