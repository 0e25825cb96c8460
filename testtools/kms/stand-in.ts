/**
 * A stand-in for AWS KMS: Encrypt and Decrypt over HTTP, as JSON 1.1, with blobs of the size of the real ones. It checks no
 * signature. What it can't show is whether the real service agrees.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

/** A call that arrived. */
export interface KmsCall {
  readonly operation: string;
  readonly authorization: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What a call gets instead of an answer. */
export type KmsTrouble = { readonly status: number; readonly type: string; readonly message: string } | 'hang' | 'drop';

/** A running stand-in; disposing it closes it and all its connections. */
export interface KmsStandIn extends AsyncDisposable {
  readonly url: string;
  readonly calls: readonly KmsCall[];
  /** The next calls, or all of them from now on, get this. */
  fail(trouble: KmsTrouble | undefined, times?: number): void;
}

/**
 * Starts one with a fresh secret.
 *
 * @param options.keyIds the keys that exist; others are not found
 * @param options.blobBytes length of a blob, 184 like that of the real service
 */
export async function startKms({
  keyIds = ['alias/backups'],
  blobBytes = 184,
}: { readonly keyIds?: readonly string[]; readonly blobBytes?: number } = {}): Promise<KmsStandIn> {
  const secret = randomBytes(32);
  const calls: KmsCall[] = [];
  let trouble: KmsTrouble | undefined;
  let troublesLeft = 0;

  const encrypt = (keyId: string, plain: Buffer): object => {
    if (!keyIds.includes(keyId)) return refusal('NotFoundException', `Key '${keyId}' does not exist`);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', secret, nonce);
    cipher.setAAD(idBytes(keyId));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    const padding = Buffer.alloc(blobBytes - 28 - nonce.length - 16 - sealed.length, 0x30);
    const blob = Buffer.concat([idBytes(keyId), nonce, cipher.getAuthTag(), sealed, padding]);
    return { CiphertextBlob: blob.toString('base64'), KeyId: keyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  };
  const decrypt = (blob: Buffer): object => {
    const keyId = keyIds.find((known) => idBytes(known).equals(blob.subarray(0, 28)));
    if (keyId === undefined || blob.subarray(88).some((byte) => byte !== 0x30))
      return refusal('InvalidCiphertextException');
    const decipher = createDecipheriv('aes-256-gcm', secret, blob.subarray(28, 40));
    decipher.setAAD(idBytes(keyId));
    decipher.setAuthTag(blob.subarray(40, 56));
    try {
      const plain = Buffer.concat([decipher.update(blob.subarray(56, 88)), decipher.final()]);
      return { Plaintext: plain.toString('base64'), KeyId: keyId, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    } catch {
      return refusal('InvalidCiphertextException');
    }
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await textOf(request)) as Record<string, string>;
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
    calls.push({ operation, authorization: request.headers.authorization ?? '', body });
    const now = troublesLeft > 0 ? trouble : undefined;
    troublesLeft -= 1;
    if (now === 'hang') return;
    if (now === 'drop') {
      request.socket.destroy();
      return;
    }
    const plain = Buffer.from(body['Plaintext'] ?? '', 'base64');
    const blob = Buffer.from(body['CiphertextBlob'] ?? '', 'base64');
    const result: object =
      now !== undefined
        ? { __type: now.type, message: now.message }
        : operation === 'Encrypt'
          ? encrypt(body['KeyId'] ?? '', plain)
          : decrypt(blob);
    response.writeHead(now?.status ?? ('__type' in result ? 400 : 200), {
      'content-type': 'application/x-amz-json-1.1',
    });
    response.end(JSON.stringify(result));
  };

  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    fail(what, times = Number.POSITIVE_INFINITY) {
      trouble = what;
      troublesLeft = times;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** 28 bytes that stand for a key at the beginning of a blob. */
function idBytes(keyId: string): Buffer {
  return createHash('sha224').update(keyId).digest();
}

function refusal(type: string, message = ''): object {
  return { __type: type, message };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
