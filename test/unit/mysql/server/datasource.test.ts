import { describe, expect, it } from 'vitest';
import { locationOf, parseDatasource, type Datasource } from '../../../../src/mysql/server/datasource.ts';
import { encryptionsOf, withAuthorities } from '../../../../src/mysql/server/tls.ts';

const tcp = (host: string, port = 3306) => ({ kind: 'tcp', host, port });
const socket = (path: string) => ({ kind: 'socket', path });

describe('a connection string of the classic form', () => {
  it.each([
    ['user:password@host/dbname', { user: 'user', password: 'password', address: tcp('host'), database: 'dbname' }],
    [
      'user:pass@tcp(db.example:3307)/',
      { user: 'user', password: 'pass', address: tcp('db.example', 3307), database: '' },
    ],
    ['user:pass@tcp([::1]:3306)/', { user: 'user', address: tcp('::1') }],
    ['user@[fe80::1]:3307/', { user: 'user', password: undefined, address: tcp('fe80::1', 3307) }],
    ['user:@unix(/run/mysqld/mysqld.sock)/db', { password: '', address: socket('/run/mysqld/mysqld.sock') }],
    ['user@unix/', { address: socket('/tmp/mysql.sock') }],
    ['user@/run/x.sock/', { address: socket('/run/x.sock') }],
    ['/', { user: '', password: undefined, address: tcp('127.0.0.1'), database: '' }],
    ['@tcp/x', { user: '', address: tcp('127.0.0.1'), database: 'x' }],
    ['u:a:b@c/d@e@tcp(h)/db', { user: 'u', password: 'a:b@c/d@e', address: tcp('h'), database: 'db' }],
    ['u:p@h/d%20b?timeout=5s&readTimeout=1m30s', { database: 'd b', connectTimeoutMs: 5_000, readTimeoutMs: 90_000 }],
    ['u:p@h/?tls=preferred&parseTime=true', { sslMode: 'PREFERRED' }],
    ['u:p@h/?tls=skip-verify', { sslMode: 'REQUIRED' }],
    ['u:p@h/?tls=1', { sslMode: 'VERIFY_IDENTITY' }],
    ['u:p@h/', { sslMode: 'DISABLED', compress: false }],
    ['u:p@h/?compress=zlib&collation=utf8mb4_bin', { compress: true, collation: 'utf8mb4_bin' }],
  ])('is understood: %s', (text, expected) => {
    expect(parseDatasource(text)).toMatchObject(expected);
  });

  it.each([
    ['no slash: secret@host', 'there is no "/"'],
    ['u:secret@tcp(host/', 'parenthesis'],
    ['u:secret@ftp(host)/', 'neither tcp nor unix'],
    ['u:secret@host:99999/', 'host:port'],
    ['u:secret@host/%zz', 'percent-encoding'],
    ['u:secret@host/?tls=maybe', 'tls is none of'],
    ['u:secret@host/?timeout=soon', 'timeout is not'],
  ])('is refused without being repeated: %s', (text, reason) => {
    expect(() => parseDatasource(text)).toThrow(reason);
    expect(() => parseDatasource(text)).not.toThrow('secret');
  });
});

describe('a connection string that is a URI', () => {
  it.each([
    [
      'mysql://user:p%40ss%2F@db:3307/shop?ssl-mode=VERIFY_CA&ssl-ca=%2Fetc%2Fca.pem',
      {
        user: 'user',
        password: 'p@ss/',
        address: tcp('db', 3307),
        database: 'shop',
        sslMode: 'VERIFY_CA',
        sslCa: '/etc/ca.pem',
      },
    ],
    ['mysql://user:pass@host:3306/db?ssl-mode=required', { sslMode: 'REQUIRED' }],
    ['mysql://u@[::1]/', { user: 'u', password: undefined, address: tcp('::1'), sslMode: 'PREFERRED' }],
    ['mysql://u@localhost?socket=%2Frun%2Fmysqld.sock', { address: socket('/run/mysqld.sock') }],
    ['mysql://u@(/run/a.sock)/x', { address: socket('/run/a.sock'), database: 'x' }],
    ['mariadb://u@%2Frun%2Fa.sock/x', { address: socket('/run/a.sock') }],
    ['mysql://h', { user: '', address: tcp('h'), database: '' }],
    [
      'mysql://u@h/?connect-timeout=2500&sslMode=VERIFY_IDENTITY',
      { connectTimeoutMs: 2500, sslMode: 'VERIFY_IDENTITY' },
    ],
  ])('is understood: %s', (text, expected) => {
    expect(parseDatasource(text)).toMatchObject(expected);
  });

  it.each(['mysql://u:secret@h:99999/', 'mysql://u:%zz@h/', 'mysql://u:secret@h/?ssl-mode=SOME'])(
    'is refused without being repeated: %s',
    (text) => {
      expect(() => parseDatasource(text)).toThrow('cannot read the connection string');
      expect(() => parseDatasource(text)).not.toThrow('secret');
    },
  );
});

describe('encryption', () => {
  const of = (text: string, ca?: string): Datasource => withAuthorities(parseDatasource(text), ca, text);

  it('has the name checked when authorities are set beside', () => {
    expect(of('u:p@h/', '/ca.pem')).toMatchObject({ sslMode: 'VERIFY_IDENTITY', sslCa: '/ca.pem' });
    expect(of('mysql://u@h/?ssl-mode=VERIFY_CA', '/ca.pem')).toMatchObject({ sslMode: 'VERIFY_CA', sslCa: '/ca.pem' });
    expect(of('u:p?tls=1@h/', '/ca.pem')).toMatchObject({ sslMode: 'VERIFY_IDENTITY' });
  });

  it('is refused when the two contradict each other', () => {
    expect(() => of('u:p@h/?tls=true', '/ca.pem')).toThrow('only one of them');
    expect(() => of('mysql://u@h/?ssl-mode=DISABLED', '/ca.pem')).toThrow('DISABLED');
  });

  it('is tried before clear text only where that is preferred, and never on a socket', () => {
    const unverified = { rejectUnauthorized: false, verifyIdentity: false };
    expect(encryptionsOf(of('mysql://u@h/'))).toEqual([unverified, false]);
    expect(encryptionsOf(of('mysql://u@h/?ssl-mode=REQUIRED'))).toEqual([unverified]);
    expect(encryptionsOf(of('u@h/'))).toEqual([false]);
    expect(encryptionsOf(of('u@unix(/s)/?tls=true'))).toEqual([false]);
    expect(() => encryptionsOf(of('u@h/', '/no/such/ca.pem'))).toThrow('cannot read');
  });

  it('of addresses is told without credentials', () => {
    expect(locationOf(parseDatasource('u:p@[::1]:3306/').address)).toBe('[::1]:3306');
    expect(locationOf(parseDatasource('u:p@unix(/s)/').address)).toBe('/s');
  });
});
