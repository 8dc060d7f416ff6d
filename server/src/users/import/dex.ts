// Reads people of Dex: `staticPasswords` of its configuration, or its Password objects in Kubernetes, as YAML or JSON.
import type { Readable } from 'node:stream'
import { fieldsOf } from '@nauthera/runtime/json'
import { readYaml, z } from '@nauthera/runtime/settings'
import { textOf } from './file-text.ts'
import { readEntry, refusedEntry } from './person-entry.ts'
import type { ReadEntry } from './person-entry.ts'

const text = z.string().nullish()

const password = z.object({
  email: z.string(),
  hash: text,
  hashFromEnv: text,
  username: text,
  name: text,
  preferredUsername: text,
  emailVerified: z.boolean().nullish(),
  userID: text,
  groups: z.array(z.string()).nullish(),
})
type DexPassword = z.output<typeof password>

/** The fields that can hold the list: in Dex's configuration, in the output of `kubectl get passwords -o yaml`, in an answer of its API. */
const lists = ['staticPasswords', 'items', 'passwords'] as const

/** Characters: YAML is read as a whole. */
const longestFile = 16 * 1_048_576

export async function* readDex(input: Readable): AsyncGenerator<ReadEntry> {
  let all = ''
  for await (const piece of textOf(input)) {
    all += piece
    if (all.length > longestFile) return yield refusedEntry('the file', `has more than ${longestFile} characters`)
  }
  const read = readYaml(all)
  if ('fault' in read) return yield refusedEntry('the file', read.fault)
  const found = findList(read.value)
  if (found === undefined) return yield refusedEntry('the file', noList)
  for (const [index, value] of found.list.entries()) yield readPassword(`${found.name}.${index}`, value)
}

const noList =
  'holds no people: it needs staticPasswords, as the configuration of Dex has it, or items, as `kubectl get passwords.dex.coreos.com -o yaml` prints them'

function findList(value: unknown): { name: string; list: readonly unknown[] } | undefined {
  const object = fieldsOf(value)
  for (const name of lists) {
    const list = object[name]
    if (Array.isArray(list)) return { name, list }
  }
  return undefined
}

function readPassword(at: string, value: unknown): ReadEntry {
  const parsed = password.safeParse(value)
  if (!parsed.success) {
    const faults = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
    return { kind: 'refused', at, username: undefined, faults }
  }
  const hash = hashOf(parsed.data)
  if ('fault' in hash) return refusedEntry(at, hash.fault, parsed.data.email)
  return readEntry(at, { ...described(parsed.data), passwordHash: hash.written })
}

/** In the words of JSON lines. At Dex people sign in with the address, and that goes on. */
function described({ email, username, name, preferredUsername, emailVerified, userID, groups }: DexPassword) {
  return {
    // an id of its own, where it can be one; subjects of Dex were made out of it
    ...(userID && z.uuid().safeParse(userID).success ? { id: userID } : {}),
    username: preferredUsername || email,
    email,
    emailVerified: emailVerified ?? true,
    name: name || username || '',
    ...(groups ? { groups } : {}),
  }
}

/** bcrypt, or bcrypt in base64: Kubernetes and older configurations hold it so. */
function hashOf({ hash, hashFromEnv }: DexPassword): { readonly written: string } | { readonly fault: string } {
  if (!hash && hashFromEnv) {
    const variable = hashFromEnv.slice(0, 60)
    return { fault: `the hash is in the environment variable ${variable} of Dex; write it into the file as hash` }
  }
  if (!hash) return { fault: 'has no hash' }
  if (hash.startsWith('$')) return { written: hash }
  return { written: Buffer.from(hash, 'base64').toString('latin1') }
}
