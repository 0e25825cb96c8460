/**
 * Packs several CommonJS files into one, `program.js`, and makes the small `main.js` that starts it from V8's code cache:
 * what `wal-push` needs is then neither looked for nor compiled at every start.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The code of `program.js`: an expression whose value is a function of `require`, `__filename` and `__dirname`. That
 * gives a function of a file's name that loads the file, packed or not; each once.
 *
 * @param codes CommonJS code by file name
 */
export function packedProgram(codes: ReadonlyMap<string, string>): string {
  const modules = [...codes].map(
    ([name, code]) => `${JSON.stringify(`./${name}`)}(module,exports,require,__filename,__dirname){${code}}`,
  );
  return `(function(outside,__filename,__dirname){"use strict";
const modules={${modules.join(',\n')}};
const loaded=new Map();
function load(name){
const before=loaded.get(name);
if(before!==undefined)return before.exports;
const found=modules[name];
if(found===undefined)return outside(name);
const module={exports:{}};
loaded.set(name,module);
found(module,module.exports,load,__filename,__dirname);
return module.exports;
}
return(name)=>load("./"+name);
})`;
}

/**
 * The code of `main.js`: starts the program when Node was started with it, and gives packed files to whoever requires it
 * (worker threads). V8 refuses a cache of another version or other options, and compiles.
 */
export const starter = `"use strict";
const{readFileSync}=require("node:fs");
const{Script}=require("node:vm");
const filename=__dirname+"/program.js";
let cachedData;
try{cachedData=readFileSync(__dirname+"/program.cache")}catch{}
const script=new Script(readFileSync(filename,"utf8"),{filename,cachedData});
const load=script.runInThisContext()(require,__filename,__dirname);
module.exports=load;
if(require.main===module)load("program-main.js");
`;

/**
 * The code of `binlogs.js`, which gives the files of a second pack, `binlogs-program.js`, in the same way. What is not in
 * there is looked for in the first one.
 */
export const secondStarter = `"use strict";
const{readFileSync}=require("node:fs");
const{Script}=require("node:vm");
const filename=__dirname+"/binlogs-program.js";
let cachedData;
try{cachedData=readFileSync(__dirname+"/binlogs-program.cache")}catch{}
const script=new Script(readFileSync(filename,"utf8"),{filename,cachedData});
const first=require("./main.js");
const outside=(name)=>name.startsWith("./")&&!name.endsWith(".node")?first(name.slice(2)):require(name);
module.exports=script.runInThisContext()(outside,__filename,__dirname);
module.exports.script=script;
`;

/** Those of `launcher.sh`: V8 refuses a cache that was made with others. */
const nodeSwitches = ['--no-concurrent-sparkplug', '--max-semi-space-size=4'];

/**
 * Runs the given command lines one after the other, in one process, each with its own variables, and keeps what V8 compiled
 * for them. A server in the same process takes whatever is put, for storages over a network.
 */
const warmUp = `"use strict";
const{readFileSync,writeFileSync}=require("node:fs");
const{Script}=require("node:vm");
const[folder,lines,driver]=process.argv.slice(2);
const filename=folder+"/program.js";
const script=new Script(readFileSync(filename,"utf8"),{filename});
const outside=require("node:module").createRequire(filename);
const exit=process.exit;
const rest=JSON.parse(lines);
const objects=new Map();
const server=require("node:http").createServer((asked,answer)=>{
const chunks=[];
asked.on("data",(chunk)=>chunks.push(chunk)).on("end",()=>{
if(asked.method==="PUT")objects.set(asked.url,Buffer.concat(chunks));
const found=asked.method==="GET"?objects.get(asked.url):Buffer.alloc(0);
answer.writeHead(found===undefined?404:200,{etag:'"1"'}).end(found);
});
});
function mysqlServer(variables,listening){
const mysql=outside(driver);
const server=mysql.createServer((client)=>{
const flags=~(1<<5|1<<11);
client.on("error",()=>{});
client.on("quit",()=>client.stream.end());
client.on("query",(statement)=>{
client.sequenceId=1;
const rows=/VARIABLES/.test(statement)?Object.entries(variables).map(([Variable_name,Value])=>({Variable_name,Value})):[{version:"10.11.0-MariaDB",server_id:"1"}];
const columns=Object.keys(rows[0]).map((name)=>({catalog:"def",schema:"",table:"",orgTable:"",name,orgName:"",characterSet:45,columnLength:255,columnType:253,flags:0,decimals:0}));
client.writeTextResult(rows,columns);
client._resetSequenceId();
});
client.serverHandshake({protocolVersion:10,serverVersion:"10.11.0-MariaDB",connectionId:1,statusFlags:2,characterSet:45,capabilityFlags:flags&0xffffff,authCallback(_login,accept){accept();client._resetSequenceId()}});
});
server.listen(0,"127.0.0.1");
server._server.once("listening",()=>listening(server._server.address().port));
}
let failed=0;
function next(status){
failed||=status;
const line=rest.shift();
if(line===undefined)exit(failed);
if(line.keep==="program")writeFileSync(folder+"/program.cache",script.createCachedData());
if(line.keep==="binlogs")writeFileSync(folder+"/binlogs-program.cache",outside("./binlogs.js").script.createCachedData());
if(line.keep!==undefined)return next(0);
if(line.server===undefined)return start(line);
mysqlServer(line.server,(port)=>{
process.env.WALG_MYSQL_DATASOURCE_NAME="root:password@tcp(127.0.0.1:"+port+")/mysql";
start(line);
});
}
function start(line){
Object.assign(process.env,line.environment);
process.argv=[process.execPath,folder+"/main.js",...line.words];
const load=script.runInThisContext()(outside,folder+"/main.js",folder);
outside.cache[folder+"/main.js"]={id:folder+"/main.js",exports:load,loaded:true};
load("program-main.js");
}
process.exit=next;
server.listen(0,"127.0.0.1",()=>{
process.env.AWS_ENDPOINT="http://127.0.0.1:"+server.address().port;
next(0);
});
`;

/**
 * Makes `program.cache` in a folder with a built program, by archiving a file and fetching it back: as files, and in a bucket.
 *
 * @throws Error when the program fails at that
 */
export function makeCodeCache(folder: string): void {
  const driver = createRequire(import.meta.url).resolve('mysql2');
  const scratch = mkdtempSync(join(tmpdir(), 'walvault-build-'));
  try {
    const name = '000000010000000000000001';
    const archive = join(scratch, 'archive');
    const walFolder = join(scratch, 'data', 'pg_wal');
    mkdirSync(archive);
    mkdirSync(join(walFolder, 'archive_status'), { recursive: true });
    writeFileSync(join(walFolder, name), Buffer.alloc(16 * 1024 * 1024));
    writeFileSync(join(scratch, 'warm-up.cjs'), warmUp);
    const inBucket = { WALG_S3_PREFIX: 's3://bucket/warm', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' };
    const binlogs = join(scratch, 'binlogs');
    mkdirSync(binlogs);
    writeFileSync(join(binlogs, 'binlog.index'), './binlog.000001\n');
    writeFileSync(join(binlogs, 'binlog.000001'), '');
    const server = {
      log_bin_basename: join(binlogs, 'binlog'),
      log_bin_index: join(binlogs, 'binlog.index'),
      datadir: binlogs,
    };
    const lines = [
      { words: ['wal-push', join(walFolder, name)] },
      { words: ['wal-fetch', name, join(walFolder, 'RECOVERYXLOG')] },
      { words: ['wal-push', join(walFolder, name)], environment: inBucket },
      { words: ['wal-fetch', name, join(walFolder, 'RECOVERYXLOG.2')] },
      { keep: 'program' },
      { words: ['binlog-push'], server, environment: { WALG_S3_PREFIX: '' } },
      { keep: 'binlogs' },
    ];
    const words = [join(scratch, 'warm-up.cjs'), folder, JSON.stringify(lines), driver];
    execFileSync(process.execPath, [...nodeSwitches, ...words], {
      cwd: join(scratch, 'data'),
      env: {
        WALG_FILE_PREFIX: archive,
        WALG_WAL_CHECK: 'off',
        WALG_LOG_LEVEL: 'ERROR',
        WALG_DOWNLOAD_CONCURRENCY: '1',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
