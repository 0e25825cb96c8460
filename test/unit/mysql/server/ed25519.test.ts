import { createHash, createPrivateKey, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signNonce } from '../../../../src/mysql/server/ed25519.ts';

describe('the signature of client_ed25519', () => {
  it('is that of Ed25519 where the password is as long as a seed', async () => {
    const seed = createHash('sha256').update('seed').digest().toString('hex').slice(0, 32);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed)]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const nonce = createHash('sha256').update('nonce').digest();
    expect(await signNonce(seed, nonce)).toEqual(sign(null, nonce, key));
  });
});
