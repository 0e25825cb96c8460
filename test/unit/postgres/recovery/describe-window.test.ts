import { expect, it } from 'vitest';
import { describeWindow } from '../../../../src/postgres/recovery/describe-window.ts';
import { recoveryWindows } from '../../../../src/postgres/recovery/windows.ts';
import { madeInventory } from '../../../../testtools/made-inventory.ts';

it('a window is told by positions and times', () => {
  const finished = new Date('2026-11-20T03:04:05.678Z');
  const backups = [{ start: '0/2000028', finish: '0/2000100', finished }];
  const { windows } = recoveryWindows([madeInventory({ backups, segments: { 1: [2, 3] } })]);
  expect(windows.map(describeWindow)).toEqual([
    'timeline 1: from 0/2000100 (2026-11-20 03:04:05+00) to 0/4000000 (2026-11-21 12:00:00+00)',
  ]);
});
