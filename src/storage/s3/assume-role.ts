/**
 * Asks the Security Token Service of AWS for the credentials of a role, without an SDK: on Kubernetes every `wal-push` does.
 * Loaded only where a role is to be assumed.
 */
import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { HttpClient, HttpRequest } from '../../network/http.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import { textOf } from '../xml.ts';
import { S3AnswerError } from './answer-error.ts';
import type { AwsCredentials } from './credentials.ts';
import { awsDomain, queryOf } from './endpoint.ts';
import { signed } from './sign.ts';

/** What a role is asked for with. */
export interface RoleRequest {
  readonly http: HttpClient;
  /** Who asks: somebody with credentials, or whoever has a token that the role trusts. */
  readonly by: { readonly credentials: AwsCredentials } | { readonly tokenFile: string };
  readonly region: string;
  readonly roleArn: string;
  readonly roleSessionName: string | undefined;
  /** Undefined: that of AWS in the region. */
  readonly stsEndpoint: string | undefined;
  readonly clock?: Clock | undefined;
}

const attempts = 3;

/** The credentials of the role, for an hour. @throws StorageForbiddenError, StorageUnavailableError, ArchiverError (`config`) */
export async function assumedRole(request: RoleRequest): Promise<AwsCredentials> {
  const { clock = systemClock, roleArn } = request;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(request, clock.now());
    } catch (error) {
      const isRefusal = error instanceof S3AnswerError;
      const message = `cannot assume the role "${roleArn}": ${messageOf(error)}`;
      if (isRefusal && error.status < 500 && error.status !== 429) {
        const hint = 'Check AWS_ROLE_ARN, and that its trust policy names who asks.';
        throw new StorageForbiddenError(message, { cause: error, hint });
      }
      if (!isRefusal && !(error instanceof ArchiverError && error.kind === 'unavailable')) throw error;
      if (attempt >= attempts) throw new StorageUnavailableError(message, { cause: error, repeated: true });
      await clock.sleep(500 * attempt);
    }
  }
}

async function askOnce(request: RoleRequest, date: Date): Promise<AwsCredentials> {
  const answer = await request.http.request(await roleQuery(request, date));
  const text = await answer.text();
  if (answer.status !== 200) throw new S3AnswerError(answer.status, answer.headers, text);
  const accessKeyId = textOf(text, 'AccessKeyId');
  const secretAccessKey = textOf(text, 'SecretAccessKey');
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new StorageUnavailableError('the answer holds no credentials');
  }
  const expiration = new Date(textOf(text, 'Expiration') ?? date.getTime() + 900_000);
  return { accessKeyId, secretAccessKey, sessionToken: textOf(text, 'SessionToken'), expiration };
}

async function roleQuery(request: RoleRequest, date: Date): Promise<HttpRequest> {
  const { by, region, roleArn, roleSessionName = 'walvault', stsEndpoint } = request;
  const url = new URL(stsEndpoint ?? `https://sts.${region}.${awsDomain(region)}/`);
  const method = 'POST';
  const contentType = { 'content-type': 'application/x-www-form-urlencoded' };
  const role = { Version: '2011-06-15', RoleArn: roleArn, RoleSessionName: roleSessionName };
  const form = (parameters: Readonly<Record<string, string>>): Buffer =>
    Buffer.from(queryOf({ ...role, ...parameters }).slice(1));
  if ('tokenFile' in by) {
    const body = form({ Action: 'AssumeRoleWithWebIdentity', WebIdentityToken: await token(by.tokenFile) });
    return { method, url, headers: contentType, body: [body] };
  }
  const body = form({ Action: 'AssumeRole' });
  const signable = { method, url, headers: contentType, payloadHash: hash('sha256', body) };
  const headers = signed(signable, { credentials: by.credentials, region, service: 'sts', date });
  return { method, url, headers, body: [body] };
}

/** Read anew each time: whoever put it there replaces it before it ends. */
async function token(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new ArchiverError('config', `cannot read the token "${path}": ${messageOf(cause)}`, {
      cause,
      hint: 'Check AWS_WEB_IDENTITY_TOKEN_FILE, or remove it.',
    });
  }
}
