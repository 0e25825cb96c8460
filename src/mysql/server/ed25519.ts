/**
 * MariaDB's plugin `client_ed25519`, which the driver lacks: a signature of Ed25519 (RFC 8032) over the server's nonce, by a
 * key whose seed is the password itself, of any length. Node's own signatures know seeds of 32 bytes only.
 */

/** Order of the group. */
const order = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;

const nonceBytes = 32;

/** In the form that the driver takes. */
export function ed25519Plugin(password: string): () => (nonce: Buffer) => Promise<Buffer> {
  return () => (nonce) => signNonce(password, nonce.subarray(0, nonceBytes));
}

/** @returns 64 bytes */
export async function signNonce(password: string, nonce: Uint8Array): Promise<Buffer> {
  const secret = await sha512(Buffer.from(password));
  const scalar = Buffer.from(secret.subarray(0, 32));
  scalar[0] = (scalar[0] ?? 0) & 248;
  scalar[31] = ((scalar[31] ?? 0) & 63) | 64;
  const publicKey = await timesBase(numberOf(scalar));
  const random = numberOf(await sha512(secret.subarray(32), nonce)) % order;
  const commitment = await timesBase(random);
  const challenge = numberOf(await sha512(commitment, publicKey, nonce)) % order;
  return Buffer.concat([commitment, bytesOf((random + challenge * numberOf(scalar)) % order)]);
}

async function timesBase(scalar: bigint): Promise<Buffer> {
  const { default: sodium } = await import('sodium-native');
  const point = Buffer.alloc(sodium.crypto_scalarmult_ed25519_BYTES);
  // Reduced: a multiple of the order adds nothing.
  sodium.crypto_scalarmult_ed25519_base_noclamp(point, bytesOf(scalar % order));
  return point;
}

async function sha512(...parts: readonly Uint8Array[]): Promise<Buffer> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function numberOf(littleEndian: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(littleEndian).reverse().toString('hex')}`);
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse();
}
