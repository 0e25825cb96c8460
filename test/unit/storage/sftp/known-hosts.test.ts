import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  fingerprint,
  judgeHostKey,
  keyTypeOf,
  knownHostLine,
  knownKeyTypes,
  parseKnownHosts,
  type HostKeyVerdict,
} from '../../../../src/storage/sftp/known-hosts.ts';

function keyOf(type: string, content: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(content)]);
}

const key = keyOf('ssh-ed25519', 'the right one');
const other = keyOf('ssh-ed25519', 'another');
const rsa = keyOf('ssh-rsa', 'of another type');
const line = (names: string, one = key): string => `${names} ${keyTypeOf(one)} ${one.toString('base64')} comment\n`;

function verdict(content: string, host = 'backup.example.org', port = 22, one = key): HostKeyVerdict {
  return judgeHostKey(parseKnownHosts(content), { host, port, key: one });
}

describe('known hosts', () => {
  it('finds a host by its name, whatever the case', () => {
    expect(verdict(line('backup.example.org'))).toBe('known');
    expect(verdict(line('Backup.Example.org'), 'BACKUP.example.ORG')).toBe('known');
    expect(verdict(line('a,backup.example.org,10.0.0.1'))).toBe('known');
    expect(verdict(line('example.org'))).toBe('unknown');
    expect(verdict(line('backupxexample.org'))).toBe('unknown');
    expect(verdict('')).toBe('unknown');
  });

  it('tells another key from no key', () => {
    expect(verdict(line('backup.example.org', other))).toBe('changed');
    expect(verdict(line('backup.example.org', rsa))).toBe('changed');
    expect(verdict(line('backup.example.org', other) + line('backup.example.org'))).toBe('known');
  });

  it('understands patterns, and what they leave out', () => {
    expect(verdict(line('*.example.org'))).toBe('known');
    expect(verdict(line('backup.exam?le.org'))).toBe('known');
    expect(verdict(line('*'))).toBe('known');
    expect(verdict(line('*.example.org,!backup.example.org'))).toBe('unknown');
    expect(verdict(line('!backup.example.org,*'))).toBe('unknown');
    expect(verdict(line('!*.net,*'))).toBe('known');
  });

  it('knows hosts on other ports, with the port or without', () => {
    expect(verdict(line('[backup.example.org]:2222'), 'backup.example.org', 2222)).toBe('known');
    expect(verdict(line('[backup.example.org]:2222'))).toBe('unknown');
    expect(verdict(line('backup.example.org'), 'backup.example.org', 2222)).toBe('known');
    expect(verdict(line('backup.example.org', other), 'backup.example.org', 2222)).toBe('unknown');
    const both = line('[backup.example.org]:2222', other) + line('backup.example.org');
    expect(verdict(both, 'backup.example.org', 2222)).toBe('changed');
    expect(verdict(line('[::1]:2222'), '::1', 2222)).toBe('known');
  });

  it('finds hashed names', () => {
    const salt = Buffer.alloc(20, 7);
    const hashed = (name: string): string =>
      `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
    expect(verdict(line(hashed('backup.example.org')))).toBe('known');
    expect(verdict(line(hashed('[backup.example.org]:2222')), 'backup.example.org', 2222)).toBe('known');
    expect(verdict(line(hashed('other.example.org')))).toBe('unknown');
    expect(verdict(line('|1|AAAA|AAAA'))).toBe('unknown');
    expect(verdict(line('|2|x'))).toBe('unknown');
  });

  it('refuses revoked keys also when they are known, on every port', () => {
    expect(verdict(line('*') + line('@revoked *'))).toBe('revoked');
    expect(verdict(line('@revoked backup.example.org'), 'backup.example.org', 2222)).toBe('revoked');
    expect(verdict(line('@revoked *', other) + line('*'))).toBe('known');
    expect(verdict(line('@revoked *', other))).toBe('unknown');
  });

  it('passes over comments, authorities and what it cannot read', () => {
    const content = [
      '# backup.example.org ssh-ed25519 AAAA',
      '',
      'backup.example.org',
      'backup.example.org ssh-ed25519',
      `backup.example.org ssh-rsa ${key.toString('base64')}`,
      'backup.example.org ssh-ed25519 !!!!',
      line('@cert-authority *').trim(),
      line('@other *').trim(),
    ];
    expect(parseKnownHosts(content.join('\r\n'))).toEqual([]);
    expect(verdict(`${content.join('\n')}\n  ${line('backup.example.org').replace('\n', '\r\n')}`)).toBe('known');
  });

  it('tells which kinds of keys to ask a host for', () => {
    const content = line('backup.example.org', rsa) + line('@revoked *', key) + line('[backup.example.org]:2222', key);
    expect(knownKeyTypes(parseKnownHosts(content), 'backup.example.org', 22)).toEqual(['ssh-rsa']);
    expect(knownKeyTypes(parseKnownHosts(content), 'backup.example.org', 2222)).toEqual(['ssh-ed25519']);
    expect(knownKeyTypes(parseKnownHosts(content), 'backup.example.org', 2223)).toEqual(['ssh-rsa']);
    expect(knownKeyTypes([], 'backup.example.org', 22)).toEqual([]);
  });

  it('writes lines that it finds again', () => {
    for (const port of [22, 2222]) {
      expect(verdict(knownHostLine('Backup.example.org', port, key), 'backup.example.org', port)).toBe('known');
    }
  });

  it('gives fingerprints as ssh prints them', () => {
    // ssh-keygen -lf of this key says so.
    const real = Buffer.from('AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f', 'base64');
    expect(keyTypeOf(real)).toBe('ssh-ed25519');
    expect(fingerprint(real)).toBe('SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA');
  });

  it('takes no bytes for a key that are none', () => {
    for (const bytes of [[], [0, 0, 0], [255, 255, 255, 255, 1], [0, 0, 0, 9, 1]]) {
      expect(keyTypeOf(Buffer.from(bytes))).toBe('');
    }
  });
});
