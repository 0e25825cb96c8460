import { describe, expect, it } from 'vitest';
import {
  ObjectExistsError,
  ObjectNotFoundError,
  StorageForbiddenError,
  StorageFullError,
  StorageUnavailableError,
} from '../../../../src/storage/errors.ts';
import { answerBehind, errorOf, mayPass, S3AnswerError } from '../../../../src/storage/s3/answer-error.ts';

function answer(status: number, code = '', headers: Readonly<Record<string, string>> = {}): S3AnswerError {
  const body = code === '' ? '' : `<Error><Code>${code}</Code><Message>because of &lt;it&gt;</Message></Error>`;
  return new S3AnswerError(status, headers, body);
}

const about = { action: 'write "a"', location: 's3://bucket', key: 'a' };

describe('refusals of S3', () => {
  it.each([
    [404, 'NoSuchKey', ObjectNotFoundError],
    [404, '', ObjectNotFoundError],
    [412, 'PreconditionFailed', ObjectExistsError],
    [403, 'AccessDenied', StorageForbiddenError],
    [403, '', StorageForbiddenError],
    [401, '', StorageForbiddenError],
    [403, 'InvalidAccessKeyId', StorageForbiddenError],
    [403, 'SignatureDoesNotMatch', StorageForbiddenError],
    [403, 'RequestTimeTooSkewed', StorageForbiddenError],
    [400, 'ExpiredToken', StorageForbiddenError],
    [400, 'KMS.DisabledException', StorageForbiddenError],
    [503, 'SlowDown', StorageUnavailableError],
    [500, 'InternalError', StorageUnavailableError],
    [502, '', StorageUnavailableError],
    [429, '', StorageUnavailableError],
    [400, 'RequestTimeout', StorageUnavailableError],
    [400, 'BadDigest', StorageUnavailableError],
    [409, 'ConditionalRequestConflict', StorageUnavailableError],
    [404, 'NoSuchUpload', StorageUnavailableError],
    [507, 'XMinioStorageFull', StorageFullError],
    [403, 'QuotaExceeded', StorageFullError],
  ])('of %i %s are told as the storages do', (status, code, kind) => {
    const told = errorOf(answer(status, code), { ...about, ifAbsent: true });
    expect(told).toBeInstanceOf(kind);
    expect(answerBehind(told)?.status).toBe(status);
  });

  it.each([
    [404, 'NoSuchBucket'],
    [301, 'PermanentRedirect'],
    [501, 'NotImplemented'],
    [400, 'InvalidRequest'],
  ])('of %i %s are told as mistakes of the configuration', (status, code) => {
    expect(errorOf(answer(status, code), about)).toMatchObject({ kind: 'config' });
  });

  it('are not about an object where none was asked for', () => {
    const asked = { ...about, key: undefined };
    expect(errorOf(answer(404), asked)).toBeInstanceOf(StorageUnavailableError);
    expect(errorOf(answer(404, 'NoSuchBucket'), about)).not.toBeInstanceOf(ObjectNotFoundError);
    expect(errorOf(answer(412, 'PreconditionFailed'), about)).toBeInstanceOf(StorageUnavailableError);
  });

  it('are no word about an object where something else answered', () => {
    for (const page of ['404 page not found\n', '<html><h1>Not Found</h1></html>', '{"error":"no backend"}']) {
      const told = errorOf(new S3AnswerError(404, {}, page), about);
      expect(told).toBeInstanceOf(StorageUnavailableError);
      expect(told.hint).toMatch(/AWS_ENDPOINT/);
    }
  });

  it('say what the storage said, and what to do', () => {
    const told = errorOf(answer(403, 'RequestTimeTooSkewed', { 'x-amz-request-id': '42' }), about);
    expect(told.message).toBe('cannot write "a" in s3://bucket: RequestTimeTooSkewed: because of <it> (request 42)');
    expect(told.hint).toMatch(/clock/);
  });

  it.each([
    [503, 'SlowDown', true],
    [429, '', true],
    [409, '', true],
    [499, '', true],
    [400, 'RequestTimeout', true],
    [403, 'AccessDenied', false],
    [404, 'NoSuchKey', false],
    [412, '', false],
    [501, 'NotImplemented', false],
    [400, 'InvalidRequest', false],
  ])('of %i %s may pass: %s', (status, code, expected) => {
    expect(mayPass(answer(status, code))).toBe(expected);
  });
});
