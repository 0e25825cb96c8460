import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { createHttpClient, NetworkError, type HttpClient, type HttpRequest } from '../../../../src/network/http.ts';
import { silentLogger } from '../../../../src/platform/logger.ts';
import {
  refreshed,
  s3Credentials,
  type AwsCredentials,
  type CredentialSource,
} from '../../../../src/storage/s3/credentials.ts';
import { fakeClock } from '../../../../testtools/fake-clock.ts';
import { recordingLogger } from '../../../../testtools/recording-logger.ts';
import { scriptedHttp, type ScriptedAnswer, type ScriptedHttp } from '../../../../testtools/scripted-http.ts';
import { startHttpScript } from '../../../../testtools/services/http-script.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../../../../testtools/temp.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('HOME', directory.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await directory[Symbol.asyncDispose]();
});

const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'hunter2' };
const clock = fakeClock();
const none = scriptedHttp(() => new Error('nobody is to be asked'));

function sourceOf(settings: Readonly<Record<string, string>>, http: HttpClient = none): CredentialSource {
  return s3Credentials(rawSettings(settings), { http, region: 'eu-west-1', logger: silentLogger, clock });
}

function file(name: string, text: string): string {
  const path = join(directory.path, name);
  writeFileSync(path, text);
  return path;
}

const granted: ScriptedAnswer = {
  status: 200,
  body: `<AssumeRoleResponse><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s/+&amp;</SecretAccessKey>
    <SessionToken>t==</SessionToken><Expiration>2026-11-21T04:04:58Z</Expiration></Credentials></AssumeRoleResponse>`,
};
const assumed = {
  accessKeyId: 'ASIA',
  secretAccessKey: 's/+&',
  sessionToken: 't==',
  expiration: new Date('2026-11-21T04:04:58Z'),
};

function formOf(request: HttpRequest | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(new URLSearchParams(Buffer.concat((request?.body ?? []) as Uint8Array[]).toString()));
}

describe('the keys of the settings', () => {
  it('are taken under all their names, without spaces around them', async () => {
    const expected = { accessKeyId: 'AKID', secretAccessKey: 'hunter2' };
    expect(await sourceOf(keys).get()).toMatchObject(expected);
    const old = { AWS_ACCESS_KEY: ' AKID\n', AWS_SECRET_KEY: 'hunter2 ', AWS_SECURITY_TOKEN: 't' };
    expect(await sourceOf(old).get()).toMatchObject({ ...expected, sessionToken: 't' });
    const walg = { WALG_AWS_ACCESS_KEY_ID: 'AKID', WALE_AWS_SECRET_ACCESS_KEY: 'hunter2' };
    expect(await sourceOf(walg).get()).toMatchObject(expected);
    expect(sourceOf(keys).renew({ accessKeyId: 'a', secretAccessKey: 'b' })).toBe(false);
  });
});

describe('a role', () => {
  const role = { AWS_ROLE_ARN: 'arn:aws:iam::1:role/r+x', AWS_ROLE_SESSION_NAME: 'night ly' };

  it('is asked for with the keys', async () => {
    const http = scriptedHttp(() => granted);
    expect(await sourceOf({ ...keys, ...role }, http).get()).toEqual(assumed);
    const [request] = http.requests;
    expect(request?.url.href).toBe('https://sts.eu-west-1.amazonaws.com/');
    expect(formOf(request)).toEqual({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: role.AWS_ROLE_ARN,
      RoleSessionName: 'night ly',
    });
    expect(request?.headers['authorization']).toContain('Credential=AKID/20261121/eu-west-1/sts/aws4_request');
  });

  it('is asked for with a token, read anew each time, without an SDK', async () => {
    const tokenFile = file('token', 'first\n');
    const http = scriptedHttp(() => granted);
    const source = sourceOf({ ...role, AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile }, http);
    expect(await source.get()).toEqual(assumed);
    writeFileSync(tokenFile, 'second');
    source.renew(await source.get());
    await source.get();
    expect(http.requests.map((request) => formOf(request)['WebIdentityToken'])).toEqual(['first', 'second']);
    expect(http.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('is left to the token where keys are set, too', async () => {
    const source = sourceOf({ ...keys, ...role, AWS_WEB_IDENTITY_TOKEN_FILE: '/none' });
    expect(await source.get()).toMatchObject({ accessKeyId: 'AKID' });
  });

  it.each<[string, (http: ScriptedHttp) => void, (count: number) => ScriptedAnswer, object]>([
    [
      'refused',
      (http) => {
        expect(http.requests).toHaveLength(1);
      },
      () => ({ status: 403, body: '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>' }),
      { kind: 'forbidden' },
    ],
    [
      'not to be had',
      (http) => {
        expect(http.requests).toHaveLength(3);
      },
      () => new NetworkError('no', 'ECONNREFUSED'),
      { kind: 'unavailable', repeated: true },
    ],
    [
      'not in the answer',
      (http) => {
        expect(http.requests).toHaveLength(3);
      },
      () => ({ status: 200, body: '<html/>' }),
      { kind: 'unavailable' },
    ],
  ])('that is %s is told without secrets', async (_, check, answer, expected) => {
    const http = scriptedHttp((__, count) => answer(count));
    const error: unknown = await sourceOf({ ...keys, ...role }, http)
      .get()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject(expected);
    expect(JSON.stringify(error) + String(error)).not.toContain('hunter2');
    check(http);
  });

  it('needs its token', async () => {
    const source = sourceOf({ ...role, AWS_WEB_IDENTITY_TOKEN_FILE: '/none/token' });
    await expect(source.get()).rejects.toMatchObject({ kind: 'config', message: /"\/none\/token"/ });
  });
});

describe('the chain of AWS', () => {
  it('reads the profile and the files that the settings name, wherever these come from', async () => {
    const path = file('credentials', '[backup]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n');
    const settings = { AWS_PROFILE: 'backup', WALG_AWS_SHARED_CREDENTIALS_FILE: path };
    expect(await sourceOf(settings).get()).toMatchObject({ accessKeyId: 'FROMFILE', secretAccessKey: 's' });
  });

  it('takes the role of a profile at the endpoint of the settings', async () => {
    const { status, body } = granted as { readonly status: number; readonly body: string };
    await using sts = await startHttpScript(() => ({
      status,
      headers: { 'content-type': 'text/xml' },
      body: body
        .replace('<Credentials>', '<AssumeRoleResult><Credentials>')
        .replace('</Credentials>', '</Credentials></AssumeRoleResult>'),
    }));
    const credentials = file('credentials', '[base]\naws_access_key_id = BASE\naws_secret_access_key = s\n');
    const config = file('config', '[profile backup]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n');
    const source = sourceOf({
      AWS_PROFILE: 'backup',
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_CONFIG_FILE: config,
      AWS_ENDPOINT_URL_STS: sts.url,
    });
    expect(await source.get()).toMatchObject({ accessKeyId: 'ASIA', sessionToken: 't==' });
    expect(sts.calls).toHaveLength(1);
  });

  it('asks the container it runs in', async () => {
    const answer = { AccessKeyId: 'CONTAINER', SecretAccessKey: 's', Token: 't', Expiration: '2036-11-21T04:04:58Z' };
    await using agent = await startHttpScript(() => ({ status: 200, body: JSON.stringify(answer) }));
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `${agent.url}/v1/credentials`);
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'pod');
    const settings = { AWS_SHARED_CREDENTIALS_FILE: '/none', AWS_CONFIG_FILE: '/none' };
    expect(await sourceOf(settings).get()).toMatchObject({ accessKeyId: 'CONTAINER', sessionToken: 't' });
    expect(agent.calls[0]?.headers['authorization']).toBe('pod');
  });

  it('says what to do when nobody has credentials', async () => {
    const source = sourceOf({ AWS_SHARED_CREDENTIALS_FILE: '/none', AWS_CONFIG_FILE: '/none' });
    await expect(source.get()).rejects.toMatchObject({ kind: 'config', hint: /AWS_ACCESS_KEY_ID/ });
  });

  it('gives the role that AWS_ROLE_ARN names what it found', async () => {
    const path = file('credentials', '[default]\naws_access_key_id = FROMFILE\naws_secret_access_key = s\n');
    const http = scriptedHttp(() => granted);
    const source = sourceOf({ AWS_SHARED_CREDENTIALS_FILE: path, AWS_ROLE_ARN: 'arn:aws:iam::1:role/r' }, http);
    expect(await source.get()).toEqual(assumed);
    expect(http.requests[0]?.headers['authorization']).toContain('Credential=FROMFILE/');
  });
});

describe('credentials that end', () => {
  function ending(minutes: number, ask: (count: number) => Promise<void> = () => Promise.resolve()) {
    const time = fakeClock();
    const logger = recordingLogger();
    let count = 0;
    const source = refreshed(
      async (): Promise<AwsCredentials> => {
        count += 1;
        await ask(count);
        const expiration = new Date(time.now().getTime() + minutes * 60_000);
        return { accessKeyId: `id${count}`, secretAccessKey: 's', expiration };
      },
      { logger, clock: time },
    );
    return { source, time, logger };
  }

  it('are asked for once by all, and again before they end', async () => {
    const { source, time } = ending(60);
    const all = await Promise.all([source.get(), source.get(), source.get()]);
    expect(all.map(({ accessKeyId }) => accessKeyId)).toEqual(['id1', 'id1', 'id1']);
    time.advance(54 * 60_000);
    expect((await source.get()).accessKeyId).toBe('id1');
    time.advance(2 * 60_000);
    expect((await source.get()).accessKeyId).toBe('id2');
  });

  it('are used to their end when others are not to be had', async () => {
    const { source, time, logger } = ending(60, (count) =>
      count === 1 ? Promise.resolve() : Promise.reject(new NetworkError('no')),
    );
    await source.get();
    time.advance(58 * 60_000);
    expect((await source.get()).accessKeyId).toBe('id1');
    expect(logger.records.filter(({ level }) => level === 'warn')).toHaveLength(1);
    time.advance(3 * 60_000);
    await expect(source.get()).rejects.toThrow('no');
  });

  it('are asked for again after a failure', async () => {
    const { source } = ending(60, (count) =>
      count === 1 ? Promise.reject(new NetworkError('no')) : Promise.resolve(),
    );
    await expect(source.get()).rejects.toThrow('no');
    expect((await source.get()).accessKeyId).toBe('id2');
  });
});

describe('the metadata service of an instance', () => {
  it('is asked where Yandex Cloud is to be, whatever keys are set', async () => {
    const role = {
      AccessKeyId: 'YC',
      SecretAccessKey: 's',
      Token: 'iam',
      Expiration: '2036-11-21T04:04:58Z',
      Code: 'Success',
    };
    await using service = await startHttpScript(({ method, path }) => {
      if (method === 'PUT') return { status: 200, body: 'session' };
      if (path.endsWith('/security-credentials/')) return { status: 200, body: 'default' };
      return { status: 200, body: JSON.stringify(role) };
    });
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined);
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', service.url);
    await using http = createHttpClient();
    const source = sourceOf({ ...keys, S3_USE_YC_SESSION_TOKEN: 'true' }, http);
    expect(await source.get()).toMatchObject({ accessKeyId: 'YC', sessionToken: 'iam' });
  });
});
