/** Asks the Security Token Service of AWS for the credentials of a role; loaded only where one is to be assumed. */
import { hash } from 'node:crypto';
import type { HttpClient } from '../../network/http.ts';
import { systemClock, type Clock } from '../../platform/clock.ts';
import { ArchiverError, messageOf } from '../../errors.ts';
import { StorageForbiddenError, StorageUnavailableError } from '../errors.ts';
import { S3AnswerError } from './answer-error.ts';
import type { AwsCredentials } from './credentials.ts';
import { awsDomain, queryOf } from './endpoint.ts';
import { signed } from './sign.ts';
import { textOf } from '../xml.ts';

/** What a role is asked for with. */
export interface RoleRequest {
  readonly http: HttpClient;
  /** Of those who may assume it. */
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly roleArn: string;
  readonly roleSessionName: string | undefined;
  /** Undefined: that of AWS in the region. */
  readonly stsEndpoint: string | undefined;
  readonly clock?: Clock;
}

const attempts = 3;

/** The credentials of the role, for an hour. @throws StorageForbiddenError, StorageUnavailableError */
export async function assumedRole(request: RoleRequest): Promise<AwsCredentials> {
  const { clock = systemClock, roleArn } = request;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await askOnce(request, clock.now());
    } catch (error) {
      const answered = error instanceof S3AnswerError;
      const message = `cannot assume the role "${roleArn}": ${messageOf(error)}`;
      if (answered && error.status < 500 && error.status !== 429) {
        const hint = 'Check AWS_ROLE_ARN, and that its trust policy names who asks.';
        throw new StorageForbiddenError(message, { cause: error, hint });
      }
      if (!answered && !(error instanceof ArchiverError)) throw error;
      if (attempt >= attempts) throw new StorageUnavailableError(message, { cause: error, repeated: true });
      await clock.sleep(500 * attempt);
    }
  }
}

async function askOnce(request: RoleRequest, date: Date): Promise<AwsCredentials> {
  const { http, credentials, region, roleArn, roleSessionName = 'walvault', stsEndpoint } = request;
  const url = new URL(stsEndpoint ?? `https://sts.${region}.${awsDomain(region)}/`);
  const parameters = {
    Action: 'AssumeRole',
    Version: '2011-06-15',
    RoleArn: roleArn,
    RoleSessionName: roleSessionName,
  };
  const body = Buffer.from(queryOf(parameters).slice(1));
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signable = { method: 'POST', url, headers, payloadHash: hash('sha256', body) };
  const answer = await http.request({
    method: 'POST',
    url,
    headers: signed(signable, { credentials, region, service: 'sts', date }),
    body: [body],
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new S3AnswerError(answer.status, answer.headers, text);
  const [accessKeyId, secretAccessKey, sessionToken, expiration] = [
    ...['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'],
  ].map((name) => textOf(text, name));
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new StorageUnavailableError('the answer holds no credentials');
  }
  return { accessKeyId, secretAccessKey, sessionToken, expiration: new Date(expiration ?? date.getTime() + 900_000) };
}
