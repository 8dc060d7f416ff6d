// A real OpenLDAP server from Debian's package, on 127.0.0.1, with a certificate for `localhost` of its own authority.
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { holdFreePort } from '../processes/ports.ts'
import { reapDirectory, reapProcess } from '../processes/reaper.ts'
import { giveAway, unprivileged } from '../processes/unprivileged.ts'

const startTimeoutMs = 20_000
const hourMs = 3_600_000

export const suffix = 'dc=example,dc=test'
export const adminDn = `cn=admin,${suffix}`

export interface Slapd {
  /** `ldaps://localhost:port` */
  readonly url: string
  /** `ldap://localhost:port`, for StartTLS. */
  readonly plainUrl: string
  readonly ports: { readonly tls: number; readonly plain: number }
  /** PEM of the authority that signed its certificate. */
  readonly ca: string
  readonly adminDn: string
  readonly adminPassword: string
  /** For tests that stop (SIGSTOP) or kill it. */
  readonly pid: number
  /** Ends it at once; what it holds is kept for `again`. */
  kill(): Promise<void>
  /** Starts it again after `kill`, at the same ports with the same entries.
   *  @param lifetimeMs of a new certificate; it begins at `now` (epoch milliseconds) */
  again(certificate?: { lifetimeMs: number; now: number }): Promise<void>
  /** Ends it, and removes what it holds. */
  stop(): Promise<void>
}

/** @param options.ldif entries that it holds from the start; the suffix is `dc=example,dc=test`
 *  @param options.passwordPolicy whether it knows policies of passwords, and has attributes of Active Directory
 *  @param options.certificateMs how long its certificate is valid
 *  @throws Error when slapd is not installed, or is not ready within 20 s */
export async function startSlapd(
  options: { ldif?: string; certificateMs?: number; passwordPolicy?: boolean } = {},
): Promise<Slapd> {
  const programs = findSlapd()
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-slapd-'))
  const forget = reapDirectory(directory)
  const authority = await createAuthority({ name: 'directory', lifetimeMs: 30 * 24 * hourMs })
  const adminPassword = randomBytes(12).toString('hex')
  const held = { tls: await holdFreePort(), plain: await holdFreePort() }
  const ports = { tls: held.tls.port, plain: held.plain.port }
  const place = { ...programs, directory, authority, adminPassword, ports }
  await writeCertificate(place, options.certificateMs === undefined ? {} : { lifetimeMs: options.certificateMs })
  writeFileSync(
    join(directory, 'slapd.conf'),
    slapdConfiguration({
      ...place,
      passwordPolicy: options.passwordPolicy ?? false,
      data: join(directory, 'data'),
      tls: { ca: join(directory, 'ca.pem'), cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') },
    }),
  )
  mkdirSync(join(directory, 'data'))
  writeFileSync(join(directory, 'start.ldif'), startLdif(options.ldif ?? ''))
  giveAway(directory)
  await run(programs.slapadd, ['-q', '-f', join(directory, 'slapd.conf'), '-l', join(directory, 'start.ldif')])
  await Promise.all([held.tls.release(), held.plain.release()])
  let running = await launch(place)
  return {
    url: `ldaps://localhost:${ports.tls}`,
    plainUrl: `ldap://localhost:${ports.plain}`,
    ports,
    ca: authority.cert,
    adminDn,
    adminPassword,
    get pid() {
      return running.child.pid!
    },
    kill: () => end(running),
    async again(certificate) {
      if (certificate) await writeCertificate(place, certificate)
      running = await launch(place)
    },
    async stop() {
      await end(running)
      forget()
    },
  }
}

interface Place {
  readonly slapd: string
  /** The program that fills it. */
  readonly slapadd: string
  readonly schemas: string
  readonly modules: string | undefined
  readonly directory: string
  readonly authority: Identity
  readonly adminPassword: string
  readonly ports: Slapd['ports']
}

/** Where the package has put it. Debian keeps these programs out of the PATH of an ordinary account.
 *  @throws Error that names the command which installs it */
export function findSlapd(): Pick<Place, 'slapd' | 'slapadd' | 'schemas' | 'modules'> {
  const places = ['/usr/sbin', '/usr/lib/openldap', '/usr/local/sbin', '/opt/homebrew/opt/openldap/libexec']
  const slapd = places.map((place) => join(place, 'slapd')).find(isExecutable)
  const slapadd = places.map((place) => join(place, 'slapadd')).find(isExecutable)
  const schemas = ['/etc/ldap/schema', '/etc/openldap/schema', '/opt/homebrew/etc/openldap/schema'].find(existsSync)
  if (slapd === undefined || slapadd === undefined || schemas === undefined)
    throw new Error('slapd is not there; run apt-get install -y --no-install-recommends slapd')
  const modules = ['/usr/lib/ldap', '/usr/lib/openldap', '/usr/lib64/openldap'].find((path) =>
    existsSync(join(path, 'back_mdb.so')),
  )
  return { slapd, slapadd, schemas, modules }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, 1)
    return true
  } catch {
    return false
  }
}

/** @returns these entries below the suffix */
export const startLdif = (ldif: string): string => `dn: ${suffix}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

${ldif}`

/** A search gives 500 entries, as by default: whoever wants more has to ask in pages.
 *  @param about.modules where Debian's package has its back ends; undefined: they are built in
 *  @param about.directory of small files of its own
 *  @returns slapd.conf */
export const slapdConfiguration = (about: {
  schemas: string
  modules: string | undefined
  directory: string
  data: string
  tls: { ca: string; cert: string; key: string }
  adminPassword: string
  passwordPolicy?: boolean
}): string => `
${['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include ${about.schemas}/${name}.schema`).join('\n')}
${about.passwordPolicy ? activeDirectoryTypes : ''}
pidfile ${about.directory}/slapd.pid
argsfile ${about.directory}/slapd.args
${about.modules === undefined ? '' : `modulepath ${about.modules}\nmoduleload back_mdb\nmoduleload memberof`}
${about.passwordPolicy && about.modules !== undefined ? 'moduleload ppolicy' : ''}
TLSCACertificateFile ${about.tls.ca}
TLSCertificateFile ${about.tls.cert}
TLSCertificateKeyFile ${about.tls.key}
database mdb
suffix "${suffix}"
rootdn "${adminDn}"
rootpw ${about.adminPassword}
directory ${about.data}
maxsize 104857600
dbnosync
limits users size.soft=500 size.hard=500 size.prtotal=unlimited
index objectClass,uid,mail,cn,member,entryUUID eq
overlay memberof
${about.passwordPolicy ? 'overlay ppolicy' : ''}
`

const activeDirectoryTypes = `attributetype ( 1.2.840.113556.1.4.96 NAME 'pwdLastSet' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )`

async function writeCertificate(
  { directory, authority }: Pick<Place, 'directory' | 'authority'>,
  validity: { lifetimeMs?: number; now?: number },
): Promise<void> {
  const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'], ...validity })
  writeFileSync(join(directory, 'ca.pem'), authority.cert)
  writeFileSync(join(directory, 'cert.pem'), leaf.cert)
  writeFileSync(join(directory, 'key.pem'), leaf.key, { mode: 0o600 })
  giveAway(directory)
}

const run = (program: string, flags: readonly string[]) =>
  promisify(execFile)(program, [...flags], { ...unprivileged(), cwd: '/', timeout: 60_000 })

interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<void>
}

async function launch({ slapd, directory, ports }: Place): Promise<Running> {
  const urls = `ldaps://127.0.0.1:${ports.tls} ldap://127.0.0.1:${ports.plain}`
  // with -d it stays in the foreground, so that it ends with us
  const child = spawn(slapd, ['-f', join(directory, 'slapd.conf'), '-h', urls, '-d', '0'], {
    ...unprivileged(),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  reapProcess(child, 'KILL')
  const said: string[] = []
  child.stderr.on('data', (chunk) => void said.push(String(chunk)))
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const started = Date.now()
  while (!(await answers(ports.tls))) {
    if (child.exitCode !== null || Date.now() - started > startTimeoutMs) {
      child.kill('SIGKILL')
      throw new Error(`slapd was not ready within 20 s: ${said.join('').slice(-1000)}`)
    }
    await pause(20)
  }
  // who answered is somebody else
  if (child.exitCode !== null) throw new Error(`slapd has ended: ${said.join('').slice(-1000)}`)
  child.unref()
  ;(child.stderr as unknown as { unref(): void }).unref()
  return { child, ended }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

async function end({ child, ended }: Running): Promise<void> {
  child.ref()
  child.kill('SIGCONT')
  child.kill('SIGKILL')
  await ended
}
