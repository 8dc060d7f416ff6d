// Converts a password hash of Keycloak to our written form. `secretData` and `credentialData` are texts of JSON.
import { z } from '@nauthera/runtime/settings'

const secret = z.object({ value: z.string(), salt: z.string() })
const several = z.record(z.string(), z.array(z.string())).nullish()
/** Both names are written, by different versions. */
const about = z.object({
  hashIterations: z.int(),
  algorithm: z.string(),
  additionalParameters: several,
  algorithmData: several,
})
type About = z.output<typeof about>

const digests: Readonly<Record<string, string>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

/** @returns the hash, not judged yet; or why there is none, never with a part of it */
export function keycloakHash(credential: {
  secretData?: string | null | undefined
  credentialData?: string | null | undefined
  value?: string | null | undefined
}): { readonly written: string } | { readonly fault: string } {
  const { secretData, credentialData, value } = credential
  if (!secretData || !credentialData) {
    return {
      fault: value
        ? 'the password itself is in the file, not its hash; take this credential out, and set a password afterwards'
        : 'the password has no secretData and credentialData; an export of Keycloak 8 or newer has both',
    }
  }
  const [hidden, known] = [parsed(secret, secretData), parsed(about, credentialData)]
  if (hidden === undefined || known === undefined) return { fault: 'the password is not described as Keycloak does it' }
  const [salt, key] = [withoutPadding(hidden.salt), withoutPadding(hidden.value)]
  const digest = Object.hasOwn(digests, known.algorithm) ? digests[known.algorithm] : undefined
  if (digest !== undefined) return { written: `$pbkdf2-${digest}$i=${known.hashIterations}$${salt}$${key}` }
  if (known.algorithm === 'argon2') return { written: `${argon2Head(known)}$${salt}$${key}` }
  const algorithm = known.algorithm.slice(0, 40)
  return { fault: `the password was hashed by ${algorithm}, which cannot be checked here; take this credential out` }
}

function argon2Head({ hashIterations, additionalParameters, algorithmData }: About): string {
  const all = additionalParameters ?? algorithmData ?? {}
  const first = (name: string, otherwise: string) => all[name]?.[0] ?? otherwise
  const version = first('version', '1.3') === '1.0' ? 16 : 19
  const costs = `m=${first('memory', '')},t=${hashIterations},p=${first('parallelism', '')}`
  return `$argon2${first('type', 'id')}$v=${version}$${costs}`
}

function parsed<Schema extends z.ZodType>(schema: Schema, json: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(json)).data
  } catch {
    return undefined
  }
}

const withoutPadding = (base64: string): string => base64.replace(/={1,2}$/, '')
