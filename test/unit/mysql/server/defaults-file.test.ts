import { existsSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDatasource } from '../../../../src/mysql/server/datasource.ts';
import { defaultsText, withDefaultsFile } from '../../../../src/mysql/server/defaults-file.ts';

describe('the option file for client programs', () => {
  it('is for us alone, and gone afterwards, also after a failure', async () => {
    let seen = '';
    const broken = withDefaultsFile(parseDatasource('u:p@unix(/run/s)/db'), 'mariadb', (path) => {
      seen = path;
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(readFileSync(path, 'utf8')).toBe('[client]\nuser="u"\npassword="p"\nprotocol="socket"\nsocket="/run/s"\n');
      return Promise.reject(new Error('broken'));
    });
    await expect(broken).rejects.toThrow('broken');
    expect(existsSync(seen)).toBe(false);
  });

  it('has quotes and backslashes as option files want them', () => {
    const text = (password: string) => defaultsText({ ...parseDatasource('u@h/'), password }, 'mysql');
    expect(text('a\\b #;"c')).toContain(`password='a\\\\b #;"c'\n`);
    expect(text(`a'b`)).toContain(`password="a'b"\n`);
    expect(() => text('a\nb')).toThrow('the password of the MySQL server cannot be given');
  });

  it('asks for TLS in the words of the flavour', () => {
    const datasource = parseDatasource('mysql://u@localhost/?ssl-mode=VERIFY_IDENTITY&ssl-ca=/ca.pem');
    expect(defaultsText(datasource, 'mysql')).toContain(
      'protocol="tcp"\nhost="localhost"\nport="3306"\nssl-ca="/ca.pem"\nssl-mode="VERIFY_IDENTITY"\n',
    );
    expect(defaultsText(datasource, 'mariadb')).toContain('ssl\nssl-verify-server-cert\n');
  });
});
