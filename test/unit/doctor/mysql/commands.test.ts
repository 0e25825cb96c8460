import { describe, expect, it } from 'vitest';
import { rawSettings } from '../../../../src/config/setting.ts';
import { judgeCommands } from '../../../../src/doctor/mysql/commands.ts';

function createCommand(command: string) {
  return judgeCommands(rawSettings({ PATH: '/bin:/usr/bin', WALG_STREAM_CREATE_COMMAND: command }), undefined)[
    'create_command'
  ];
}

describe('the examination of commands', () => {
  it.each([
    ['sh -c "true -psecret"', 'ok', '"sh"'],
    ['MYSQL_PWD=secret sh', 'ok', '"sh"'],
    ['no-such-program -psecret', 'warn', 'there is no program "no-such-program"'],
    ['(export MYSQL_PWD=secret; mysqldump)', 'ok', 'a line of the shell, which is not looked into'],
  ])('shows the program of %s and nothing else', (command, state, text) => {
    const finding = createCommand(command);
    expect(finding).toMatchObject({ outcome: state, text });
    expect(JSON.stringify(finding)).not.toContain('secret');
  });
});
