import { describe, expect, it } from 'vitest';
import type { HttpCall, ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { openScriptedS3, refusal } from '../../../../testtools/services/scripted-s3.ts';

const lock = (rule = ''): ScriptedAnswer => ({
  status: 200,
  body: `<ObjectLockConfiguration xmlns="x"><ObjectLockEnabled>Enabled</ObjectLockEnabled>${rule}</ObjectLockConfiguration>`,
});
const rule = (time: string): string =>
  `<Rule><DefaultRetention><Mode>GOVERNANCE</Mode>${time}</DefaultRetention></Rule>`;
const versions = (status: string): ScriptedAnswer => ({
  status: 200,
  body: `<VersioningConfiguration xmlns="x">${status}</VersioningConfiguration>`,
});

describe('what protects the objects of a bucket', () => {
  it.each<[ScriptedAnswer, ScriptedAnswer, object]>([
    [versions(''), refusal(404, 'ObjectLockConfigurationNotFoundError'), { versions: 'off', lock: 'off' }],
    [versions('<Status>Suspended</Status>'), lock(), { versions: 'suspended', lock: 'on demand' }],
    [
      versions('<Status>Enabled</Status>'),
      lock(rule('<Days>30</Days>')),
      { versions: 'on', lock: 'always', lockText: 'GOVERNANCE, 30 days' },
    ],
    [
      versions('<Status>Enabled</Status>'),
      lock(rule('<Years>1</Years>')),
      { versions: 'on', lock: 'always', lockText: 'GOVERNANCE, 1 year' },
    ],
    [refusal(403, 'AccessDenied'), refusal(501, 'NotImplemented'), {}],
  ])('is told by it, as far as it tells', async (versioning, locks, expected) => {
    await using s3 = await openScriptedS3(({ query }: HttpCall) => (query.has('versioning') ? versioning : locks));
    expect(await s3.storage.protection()).toEqual(expected);
    expect([...s3.asked()].sort()).toEqual(['GET ?object-lock', 'GET ?versioning']);
  });

  it('is a lock, too, where we set one on each object', async () => {
    await using s3 = await openScriptedS3(
      ({ query }) => (query.has('versioning') ? versions('<Status>Enabled</Status>') : lock()),
      { S3_RETENTION_PERIOD: '86400' },
    );
    const lockText = 'GOVERNANCE, 86400 seconds by S3_RETENTION_PERIOD';
    expect(await s3.storage.protection()).toEqual({ versions: 'on', lock: 'always', lockText });
  });

  it('is an error where nobody answers', async () => {
    await using s3 = await openScriptedS3(() => refusal(503, 'SlowDown'), { S3_MAX_RETRIES: '1' });
    await expect(s3.storage.protection()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
