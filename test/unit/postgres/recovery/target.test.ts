import { describe, expect, it } from 'vitest';
import { describeTarget, parseRecoveryRequest, type TargetTexts } from '../../../../src/postgres/recovery/target.ts';
import { parseLsn } from '../../../../src/postgres/lsn.ts';

describe('parseRecoveryRequest', () => {
  it('asks for nothing when no option is given', () => {
    expect(parseRecoveryRequest({ time: undefined })).toBeUndefined();
  });

  it.each<[TargetTexts, string]>([
    [{ time: '2026-11-21 04:04:03Z' }, 'time 2026-11-21 04:04:03+00'],
    [{ lsn: '16/B374D848' }, 'LSN 16/B374D848'],
    [{ name: 'before' }, 'restore point "before"'],
    [{ xid: '731' }, 'transaction 731'],
    [{ xid: '12884902619' }, 'transaction 731'],
    [{ target: 'immediate' }, 'the end of the backup'],
    [{ target: 'end' }, 'the end of the archive'],
    [{ timeline: 'latest' }, 'the end of the archive'],
  ])('reads %j as %j', (texts, description) => {
    const request = parseRecoveryRequest(texts);
    expect(request === undefined ? undefined : describeTarget(request.target)).toBe(description);
  });

  it('ends on the newest timeline unless told otherwise, but at the end of the backup on that of the backup', () => {
    expect(parseRecoveryRequest({ lsn: '0/1' })).toEqual({
      target: { kind: 'lsn', lsn: parseLsn('0/1') },
      timeline: 'latest',
      inclusive: true,
      action: undefined,
    });
    expect(parseRecoveryRequest({ target: 'immediate' })?.timeline).toBe('current');
    expect(parseRecoveryRequest({ timeline: '0x1F' })?.timeline).toBe(31);
    expect(parseRecoveryRequest({ lsn: '0/1', inclusive: 'false', action: 'promote' })).toMatchObject({
      inclusive: false,
      action: 'promote',
    });
  });

  it.each<[TargetTexts, RegExp]>([
    [{ time: '2026-11-21 04:04:03Z', lsn: '0/1' }, /--target-time and --target-lsn exclude/],
    [{ lsn: '1' }, /--target-lsn/],
    [{ name: 'x'.repeat(64) }, /--target-name/],
    [{ xid: '0' }, /--target-xid/],
    [{ xid: '0x10' }, /--target-xid/],
    [{ timeline: '0' }, /--target-timeline/],
    [{ timeline: 'newest' }, /--target-timeline/],
    [{ target: 'now' }, /--target is "now"/],
    [{ action: 'promote' }, /--target-action needs a target/],
    [{ lsn: '0/1', action: 'stop' }, /--target-action is "stop"; allowed: pause, promote, shutdown/],
    [{ name: 'a', inclusive: 'false' }, /--target-inclusive needs/],
    [{ lsn: '0/1', inclusive: 'no' }, /--target-inclusive/],
  ])('refuses %j', (texts, message) => {
    expect(() => parseRecoveryRequest(texts)).toThrow(message);
  });
});
