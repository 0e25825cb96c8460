/** The built folder finds out who it is to S3 where there is no node_modules, in every way that loads something. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walvaultPath } from '../../testtools/cli.ts';
import {
  startHttpScript,
  type HttpCall,
  type HttpScript,
  type ScriptedAnswer,
} from '../../testtools/services/http-script.ts';
import { startMemoryS3 } from '../../testtools/services/memory-s3.ts';
import { makeDataDirectory, makeSegment } from '../../testtools/wal.ts';

const name = '000000010000000000000003';
const ending = { Code: 'Success', SecretAccessKey: 's', Token: 't', Expiration: '2036-11-21T04:04:58Z' };

/** A bucket, the service that gives roles, and the metadata services of a container and an instance, in one. */
function everyone({ method, path, headers }: HttpCall): ScriptedAnswer {
  if (path.startsWith('/bucket/')) return { status: 200, headers: { etag: '"1"' } };
  if (path === '/container') return { status: 200, body: JSON.stringify({ ...ending, AccessKeyId: 'CONTAINER' }) };
  if (path === '/latest/api/token') return { status: 200, body: 'session' };
  if (path.endsWith('/security-credentials/')) return { status: 200, body: 'role' };
  if (path.endsWith('/security-credentials/role')) {
    return { status: 200, body: JSON.stringify({ ...ending, AccessKeyId: 'INSTANCE' }) };
  }
  if (path !== '/' || method !== 'POST') return { status: 404 };
  const given = `<AccessKeyId>ROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>${ending.Expiration}</Expiration>`;
  const verb = headers['authorization'] === undefined ? 'AssumeRoleWithWebIdentity' : 'AssumeRole';
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<${verb}Response><${verb}Result><Credentials>${given}</Credentials></${verb}Result></${verb}Response>`,
  };
}

describe('the built folder, elsewhere', () => {
  let folder: string;
  let server: HttpScript;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'walvault-moved-'));
    cpSync(dirname(walvaultPath), join(folder, 'program'), { recursive: true });
    makeDataDirectory(join(folder, 'data'));
    writeFileSync(join(folder, 'data', 'pg_wal', name), makeSegment(name));
    writeFileSync(join(folder, 'token'), 'token');
    const keys = 'aws_access_key_id = PROFILE\naws_secret_access_key = s\n';
    writeFileSync(join(folder, 'credentials'), `[backup]\n${keys}[default]\n${keys}`);
    writeFileSync(
      join(folder, 'config'),
      '[profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = backup\n',
    );
    server = await startHttpScript(everyone);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const keys = { AWS_ACCESS_KEY_ID: 'KEY', AWS_SECRET_ACCESS_KEY: 's' };
  const files = (): Readonly<Record<string, string>> => ({
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials'),
    AWS_CONFIG_FILE: join(folder, 'config'),
    AWS_ENDPOINT_URL_STS: server.url,
  });
  const role = (): Readonly<Record<string, string>> => ({
    AWS_ROLE_ARN: 'arn:aws:iam::1:role/r',
    AWS_ENDPOINT_URL_STS: server.url,
  });
  const instance = (): Readonly<Record<string, string>> => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: server.url });

  it.each<[string, string, () => Readonly<Record<string, string>>]>([
    ['keys', 'KEY', () => keys],
    ['keys and more headers', 'KEY', () => ({ ...keys, S3_REQUEST_ADDITIONAL_HEADERS: '{"X-More": "1"}' })],
    ['a profile', 'PROFILE', () => ({ ...files(), AWS_PROFILE: 'backup' })],
    ['a profile with a role', 'ROLE', () => ({ ...files(), AWS_PROFILE: 'role' })],
    ['a role by keys', 'ROLE', () => ({ ...keys, ...role() })],
    ['a role by a profile', 'ROLE', () => ({ ...files(), ...role() })],
    ['a role by a token', 'ROLE', () => ({ ...role(), AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token') })],
    ['a container', 'CONTAINER', () => ({ AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.url}/container` })],
    ['an instance', 'INSTANCE', instance],
    ['an instance of Yandex Cloud', 'INSTANCE', () => ({ ...keys, ...instance(), S3_USE_YC_SESSION_TOKEN: 'true' })],
  ])('archives in a bucket with %s', async (_, keyId, env) => {
    const before = server.calls.length;
    await promisify(execFile)(join(folder, 'program', 'walvault'), ['wal-push', join('pg_wal', name)], {
      cwd: join(folder, 'data'),
      env: {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        WALG_WAL_CHECK: 'off',
        WALG_S3_PREFIX: 's3://bucket/archive',
        AWS_ENDPOINT: server.url,
        ...env(),
      },
    });
    const puts = server.calls.slice(before).filter(({ path }) => path.startsWith('/bucket/'));
    expect(puts.map(({ method, path }) => `${method} ${path}`)).toEqual([`PUT /bucket/archive/wal_005/${name}.lz4`]);
    expect(puts[0]?.headers['authorization']).toContain(`Credential=${keyId}/`);
  });

  it('has the SDK for rare verbs in it', async () => {
    await using bucket = await startMemoryS3();
    const program = join(folder, 'program', 'walvault');
    const { stdout } = await promisify(execFile)(program, ['doctor', '--storage-only', '--no-write', '--json'], {
      cwd: folder,
      env: {
        PATH: '/usr/bin:/bin',
        HOME: folder,
        WALG_S3_PREFIX: 's3://bucket/archive',
        AWS_ENDPOINT: bucket.url,
        ...keys,
      },
    });
    const { checks } = JSON.parse(stdout) as { readonly checks: readonly Readonly<Record<string, unknown>>[] };
    expect(checks).toContainEqual(
      expect.objectContaining({ outcome: 'ok', figures: { versions: 'off', lock: 'off' } }),
    );
  });
});
