import { expect, it } from 'vitest';
import { archivingOf } from '../../../../src/postgres/server/facts.ts';

it.each([
  ['off', '(disabled)', '', false, false],
  ['on', 'cp %p /a/%f', '', false, true],
  ['on', 'cp %p /a/%f', '', true, false],
  ['always', 'cp %p /a/%f', '', true, true],
  ['on', '', '', false, false],
  ['on', ' ', '', false, false],
  ['on', '', 'basic_archive', false, true],
])(
  'archive_mode %s, command "%s", library "%s", recovery %s: archives is %s',
  (mode, command, library, recovery, active) => {
    expect(archivingOf({ mode, command, library }, recovery)).toEqual({ mode, command, library, active });
  },
);
