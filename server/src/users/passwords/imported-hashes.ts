// Verifies imported password hashes: bcrypt, PBKDF2 and scrypt. After a sign-in the password is hashed with argon2id. Each kind has one
// written form:
//   $2b$12$...   $pbkdf2-sha256$i=600000$salt$key   $scrypt$ln=15,r=8,p=1$salt$key   $argon2id$v=19$m=19456,t=2,p=1$salt$key
import { pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export type StoredHash =
  | { readonly kind: 'bcrypt'; readonly cost: number }
  | { readonly kind: 'argon2'; readonly memoryKib: number; readonly passes: number; readonly lanes: number }
  | ({ readonly kind: 'pbkdf2'; readonly digest: Digest; readonly iterations: number } & Derived)
  | ({ readonly kind: 'scrypt'; readonly logN: number; readonly r: number; readonly p: number } & Derived)

interface Derived {
  readonly salt: Buffer
  readonly key: Buffer
}

const digests = { sha1: 20, sha256: 32, sha512: 64 } as const
type Digest = keyof typeof digests
const isDigest = (name: string | undefined): name is Digest => Object.hasOwn(digests, name ?? '')

/** The most that one check may take: about two seconds of a core, and 128 MiB. With more, sign-ins would hang. */
const costLimits = {
  bcryptCost: 14,
  /** Iterations times blocks of the digest. */
  pbkdf2Work: 6_000_000,
  memoryMib: 128,
  /** MiB times passes. */
  memoryWork: 512,
  /** `p` times `r` of scrypt: it makes 128 bytes for each before it begins, and reads them at the end, whatever its memory. */
  scryptBlocks: 1024,
} as const

/** What takes about as long as our own hash, some 20 ms of one core. */
const lightLimits = { bcryptCost: 8, pbkdf2Work: 50_000 } as const

/** Bytes. A shorter key would match many passwords. */
const keyLength = { min: 16, max: 64 } as const

const base64 = '[A-Za-z0-9+/]'
/** Without leading zeros: argon2 knows no others. */
const number = String.raw`0|[1-9]\d{0,8}`
const forms = {
  bcrypt: /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/,
  argon2: new RegExp(
    String.raw`^\$argon2(?:id|i|d)\$v=(?:16|19)\$m=(${number}),t=(${number}),p=(${number})\$(${base64}{11,64})\$(${base64}{22,86})$`,
  ),
  pbkdf2: new RegExp(String.raw`^\$pbkdf2-(sha1|sha256|sha512)\$i=(\d{1,9})\$(${base64}{1,128})\$(${base64}{1,128})$`),
  scrypt: new RegExp(
    String.raw`^\$scrypt\$ln=(\d{1,2}),r=(\d{1,3}),p=(\d{1,3})\$(${base64}{1,128})\$(${base64}{1,128})$`,
  ),
} as const

export type ReadHash = { readonly hash: StoredHash } | { readonly fault: string }

/** @returns the hash, or why it cannot be checked; never any part of it */
export function readHash(text: string): ReadHash {
  const hash = readBcrypt(text) ?? readArgon2(text) ?? readPbkdf2(text) ?? readScrypt(text)
  if (hash === undefined) {
    return { fault: 'is not in a known form: bcrypt ($2b$), $pbkdf2-sha256$i=..., $scrypt$ln=... or $argon2id$' }
  }
  const fault = faultOf(hash)
  return fault === undefined ? { hash } : { fault }
}

function readBcrypt(text: string): StoredHash | undefined {
  const cost = forms.bcrypt.exec(text)?.[1]
  return cost === undefined ? undefined : { kind: 'bcrypt', cost: Number(cost) }
}

function readArgon2(text: string): StoredHash | undefined {
  const found = forms.argon2.exec(text)
  if (found === null) return undefined
  const [, memoryKib, passes, lanes, salt = '', key = ''] = found
  if (![salt, key].every(isWholeBytes)) return undefined
  return { kind: 'argon2', memoryKib: Number(memoryKib), passes: Number(passes), lanes: Number(lanes) }
}

/** Whether it is the base64 of some bytes, without padding: argon2 throws at any other text. */
const isWholeBytes = (text: string): boolean =>
  Buffer.from(text, 'base64')
    .toString('base64')
    .replace(/={1,2}$/, '') === text

function readPbkdf2(text: string): StoredHash | undefined {
  const [, digest, iterations, salt = '', key = ''] = forms.pbkdf2.exec(text) ?? []
  if (!isDigest(digest)) return undefined
  const derived = { salt: Buffer.from(salt, 'base64'), key: Buffer.from(key, 'base64') }
  return { kind: 'pbkdf2', digest, iterations: Number(iterations), ...derived }
}

function readScrypt(text: string): StoredHash | undefined {
  const found = forms.scrypt.exec(text)
  if (found === null) return undefined
  const cost = { logN: Number(found[1]), r: Number(found[2]), p: Number(found[3]) }
  return { kind: 'scrypt', ...cost, salt: Buffer.from(found[4]!, 'base64'), key: Buffer.from(found[5]!, 'base64') }
}

function faultOf(hash: StoredHash): string | undefined {
  if ('key' in hash && (hash.key.length < keyLength.min || hash.key.length > keyLength.max)) {
    return `has a key of ${hash.key.length} bytes; ${keyLength.min} to ${keyLength.max} are accepted`
  }
  switch (hash.kind) {
    case 'bcrypt': {
      const isFine = hash.cost >= 4 && hash.cost <= costLimits.bcryptCost
      return isFine ? undefined : `has the bcrypt cost ${hash.cost}; 4 to ${costLimits.bcryptCost} are accepted`
    }
    case 'pbkdf2': {
      const work = pbkdf2Work(hash)
      return work >= 1 && work <= costLimits.pbkdf2Work ? undefined : `has ${hash.iterations} iterations: ${tooMuch}`
    }
    case 'scrypt':
      if (hash.logN < 1 || hash.r < 1) return 'has costs of 0'
      // RFC 7914 section 2: N is less than 2^(128 * r / 8)
      if (hash.logN >= 16 * hash.r) return `has ln=${hash.logN} and r=${hash.r}, which scrypt does not know`
      if (hash.p * hash.r > costLimits.scryptBlocks) return `has p=${hash.p} and r=${hash.r}: ${tooMuch}`
      return memoryFault(scryptKib(hash) / 1024, hash.p)
    case 'argon2': {
      const isFine = hash.lanes >= 1 && hash.lanes <= 16 && hash.memoryKib >= 8 * hash.lanes
      return isFine ? memoryFault(hash.memoryKib / 1024, hash.passes) : 'has costs that argon2 does not know'
    }
  }
}

type Kind<K extends StoredHash['kind']> = Extract<StoredHash, { kind: K }>

const pbkdf2Work = ({ iterations, key, digest }: Kind<'pbkdf2'>) => iterations * Math.ceil(key.length / digests[digest])

const scryptKib = ({ logN, r }: Kind<'scrypt'>) => (2 ** logN * r * 128) / 1024

const tooMuch = 'a sign-in would take too long with it'

function memoryFault(mib: number, passes: number): string | undefined {
  const isFine = passes >= 1 && mib <= costLimits.memoryMib && mib * passes <= costLimits.memoryWork
  return isFine ? undefined : `needs ${Math.ceil(mib)} MiB in ${passes} passes: ${tooMuch}`
}

/** Whether a check takes more time or memory than one of our own hashes.
 *  @param own what ours costs: KiB and passes of argon2 */
export function isHeavy(hash: StoredHash, own: { memoryCost: number; timeCost: number }): boolean {
  const isMore = (kib: number, passes: number) => kib > own.memoryCost || kib * passes > own.memoryCost * own.timeCost
  switch (hash.kind) {
    case 'bcrypt':
      return hash.cost > lightLimits.bcryptCost
    case 'pbkdf2':
      return pbkdf2Work(hash) > lightLimits.pbkdf2Work
    case 'scrypt':
      // it fills its memory, and then reads all of it
      return isMore(scryptKib(hash), 2 * hash.p)
    case 'argon2':
      return isMore(hash.memoryKib, hash.passes)
  }
}

/** How the forms that are not of argon2 or bcrypt are written.
 *  @internal tests make hashes by it */
export const writeHash = (hash: Extract<StoredHash, Derived>): string => {
  const rest = [hash.salt, hash.key].map((bytes) => bytes.toString('base64').replace(/={1,2}$/, '')).join('$')
  return hash.kind === 'pbkdf2'
    ? `$pbkdf2-${hash.digest}$i=${hash.iterations}$${rest}`
    : `$scrypt$ln=${hash.logN},r=${hash.r},p=${hash.p}$${rest}`
}

/** Whether all of the password is in a hash of this kind. bcrypt reads no further than 72 bytes, and a NUL is like the end of the text in all: what
 *  follows would be anything, and would be stored as the password. */
const isHashedWhole = (kind: StoredHash['kind'], password: string): boolean =>
  !password.includes('\0') && (kind !== 'bcrypt' || Buffer.byteLength(password) <= 72)

/** Outside of the event loop, whatever the kind. A password that is not hashed whole takes as long, and never matches.
 *  @param text of which `hash` was read */
export const matchesHash = async (stored: ImportedHash, password: string): Promise<boolean> =>
  (await matchesTruncated(stored, password)) && isHashedWhole(stored.hash.kind, password)

interface ImportedHash {
  readonly text: string
  readonly hash: Exclude<StoredHash, Kind<'argon2'>>
}

async function matchesTruncated({ text, hash }: ImportedHash, password: string): Promise<boolean> {
  switch (hash.kind) {
    case 'bcrypt': {
      // it keeps memory of its own from its start, and few servers have such hashes
      const { verify } = await import('@node-rs/bcrypt')
      return verify(password, text)
    }
    case 'pbkdf2': {
      const { salt, iterations, key, digest } = hash
      return timingSafeEqual(await promisify(pbkdf2)(password, salt, iterations, key.length, digest), key)
    }
    case 'scrypt':
      return timingSafeEqual(await deriveScrypt(hash, password), hash.key)
  }
}

function deriveScrypt({ logN, r, p, salt, key }: Kind<'scrypt'>, password: string): Promise<Buffer> {
  const N = 2 ** logN
  const maxmem = 128 * r * (N + p + 2) + 2 ** 20
  return new Promise((resolve, reject) => {
    scrypt(password, salt, key.length, { N, r, p, maxmem }, (error, derived) => {
      if (error === null) resolve(derived)
      else reject(error)
    })
  })
}
