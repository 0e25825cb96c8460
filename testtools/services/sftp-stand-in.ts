/**
 * A server of SFTP that knows nothing but the protocol of 2001: no extensions, small requests. It stands for what is not
 * OpenSSH, asks for passwords in both ways, and gets a full disk when it is told to.
 */
import {
  closeSync,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { once } from 'node:events';
import ssh2, { type Attributes, type SFTPWrapper } from 'ssh2';

/** A running server. */
export interface SftpStandIn extends AsyncDisposable {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Ways to log in that were tried, in order. */
  readonly logins: string[];
  /** Writing fails. */
  isFull: boolean;
}

/** How it behaves. */
export interface SftpStandInOptions {
  /** The way in which it takes the password; default `password`. */
  readonly login?: 'password' | 'keyboard-interactive';
  /** Renaming replaces what is there, as some servers do it; default: it fails. */
  readonly renameReplaces?: boolean;
}

const { OPEN_MODE, STATUS_CODE, flagsToString } = ssh2.utils.sftp;
const password = 'open sesame';
const username = 'backup';

/** Starts one on a free port of 127.0.0.1, which shows the files of this machine. */
export async function startSftpStandIn({
  login = 'password',
  renameReplaces = false,
}: SftpStandInOptions = {}): Promise<SftpStandIn> {
  const logins: string[] = [];
  const state = { isFull: false };
  const clients = new Set<ssh2.Connection>();
  const hostKey = ssh2.utils.generateKeyPairSync('ed25519').private;
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    clients.add(client);
    // Its types leave this out.
    (client as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    client.on('error', () => undefined);
    client.on('close', () => clients.delete(client));
    client.on('authentication', (context) => {
      logins.push(context.method);
      if (context.method === 'password' && login === 'password' && context.password === password) context.accept();
      else if (context.method === 'keyboard-interactive' && login === context.method) {
        context.prompt([{ prompt: 'Password: ', echo: false }], (answers) => {
          if (answers[0] === password) context.accept();
          else context.reject();
        });
      } else context.reject([login]);
    });
    client.on('session', (accept) => {
      accept().on('sftp', (acceptSftp) => {
        serve(acceptSftp(), state, renameReplaces);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { readonly port: number }).port,
    username,
    password,
    logins,
    get isFull() {
      return state.isFull;
    },
    set isFull(full) {
      state.isFull = full;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

function serve(sftp: SFTPWrapper, state: { readonly isFull: boolean }, renameReplaces: boolean): void {
  const files = new Map<number, number>();
  const folders = new Map<number, string[]>();
  let handles = 0;

  function answering(id: number, act: () => void): void {
    try {
      act();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
      else if (code === 'EACCES' || code === 'EPERM') sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
      else sftp.status(id, STATUS_CODE.FAILURE);
    }
  }
  function doing(id: number, act: () => void): void {
    answering(id, () => {
      act();
      sftp.status(id, STATUS_CODE.OK);
    });
  }
  const numbered = (handle: Buffer): number => handle.readUInt32BE(0);
  const opened = (): [number, Buffer] => {
    handles += 1;
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(handles);
    return [handles, handle];
  };
  const fileOf = (handle: Buffer): number => files.get(numbered(handle)) ?? -1;

  sftp.on('OPEN', (id, path, flags, attributes) => {
    answering(id, () => {
      const [number, handle] = opened();
      const mode = flagsToString(flags & ~OPEN_MODE.TRUNC) ?? flagsToString(flags) ?? 'r';
      files.set(number, openSync(path, mode, attributes.mode));
      sftp.handle(id, handle);
    });
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    doing(id, () => {
      if (state.isFull) throw new Error('no space left');
      writeSync(fileOf(handle), data, 0, data.length, offset);
    });
  });
  sftp.on('READ', (id, handle, offset, length) => {
    answering(id, () => {
      // Less than was asked for, as servers may.
      const data = Buffer.alloc(Math.max(1, Math.ceil(length * 0.7)));
      const size = readSync(fileOf(handle), data, 0, data.length, offset);
      if (size === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, data.subarray(0, size));
    });
  });
  sftp.on('FSTAT', (id, handle) => {
    answering(id, () => {
      sftp.attrs(id, attributesOf(fstatSync(fileOf(handle))));
    });
  });
  sftp.on('FSETSTAT', (id, handle, { mode }) => {
    doing(id, () => {
      fchmodSync(fileOf(handle), mode);
    });
  });
  sftp.on('CLOSE', (id, handle) => {
    doing(id, () => {
      const file = files.get(numbered(handle));
      files.delete(numbered(handle));
      folders.delete(numbered(handle));
      if (file !== undefined) closeSync(file);
    });
  });
  sftp.on('OPENDIR', (id, path) => {
    answering(id, () => {
      const [number, handle] = opened();
      // Names alone: whoever wants to know more has to ask.
      folders.set(
        number,
        readdirSync(path).map((name) => name),
      );
      sftp.handle(id, handle);
    });
  });
  sftp.on('READDIR', (id, handle) => {
    const names = folders.get(numbered(handle))?.splice(0, 3) ?? [];
    if (names.length === 0) sftp.status(id, STATUS_CODE.EOF);
    else
      sftp.name(
        id,
        names.map((filename) => ({ filename, longname: filename, attrs: {} as Attributes })),
      );
  });
  sftp.on('LSTAT', (id, path) => {
    answering(id, () => {
      sftp.attrs(id, attributesOf(lstatSync(path)));
    });
  });
  sftp.on('STAT', (id, path) => {
    answering(id, () => {
      sftp.attrs(id, attributesOf(statSync(path)));
    });
  });
  sftp.on('REMOVE', (id, path) => {
    doing(id, () => {
      unlinkSync(path);
    });
  });
  sftp.on('MKDIR', (id, path) => {
    doing(id, () => {
      mkdirSync(path);
    });
  });
  sftp.on('RMDIR', (id, path) => {
    doing(id, () => {
      rmdirSync(path);
    });
  });
  sftp.on('RENAME', (id, from, to) => {
    doing(id, () => {
      if (renameReplaces) renameSync(from, to);
      else {
        linkSync(from, to);
        unlinkSync(from);
      }
    });
  });
}

function attributesOf({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats): Attributes {
  return { mode, uid, gid, size, atime: Math.floor(atimeMs / 1_000), mtime: Math.floor(mtimeMs / 1_000) };
}
