import { parseArgs } from 'node:util'
import { issuerFaults } from '@nauthera/rules/issuer'
import { refuse } from '../command-line.ts'
import { extras, parseExtras } from './extras.ts'
import type { Extra } from './extras.ts'

const usage = `Usage: npm run dev [-- OPTIONS]

Starts PostgreSQL, a local stand-in for the Kubernetes API, the operator, the server replicas with their config-agents and a sample
application, applies examples/clients, fetches and verifies a token at every replica, and prints what to open and what to type.
What the processes write goes to files, which are named then; the screen shows each change of a client on its way.

  --replicas N     server replicas, 1 to 9; default 1
  --with PARTS     more to try, in any mix with commas between, or all:
                   desk          the help desk, for mary
                   registration  people make an account for themselves
                   branding      pages with another title and colour
                   ldap          a directory (OpenLDAP) with two people; needs the program slapd
                   upstream      a second Nauthera as another provider, with a person of its own
                   mail          what people get by mail; the inbox is there in any case
  --issuer URL     public URL of the issuer, when a TLS proxy of yours forwards to the port that is printed
  --rotate NAME    rotate the secret of an OIDCClient (NAME or NAMESPACE/NAME) while every replica gets requests with it;
                   uses the npm run dev that is running, or starts one for this
  --code           print the code that the authenticator app of mary shows now
  --verbose        show every line of every process
  --once           stop after the tokens are verified
  --json           print one line of JSON, and nothing else, on standard output (npm run -s dev -- --once --json)
  --reset          first delete database, keys and objects of earlier runs
  --state DIR      where database, keys, objects, logs and chosen ports are kept; default .nauthera/dev
  --help           print this

Reach the stand-in with kubectl --kubeconfig .nauthera/kubeconfig.
`

export interface DevOptions {
  readonly replicas: number
  readonly extras: ReadonlySet<Extra>
  readonly issuer: string | undefined
  readonly rotate: { namespace: string; name: string } | undefined
  readonly once: boolean
  /** Whether only the code of the authenticator app is printed. */
  readonly code: boolean
  readonly json: boolean
  readonly reset: boolean
  readonly verbose: boolean
  /** Default: .nauthera/dev. */
  readonly state: string | undefined
}

/** Reads the command line; prints help and ends, or says what is wrong and ends with code 2.
 *  @param defaultNamespace of a client that is named without one */
export function readDevOptions(defaultNamespace: string): DevOptions {
  const read = parseDevOptions(process.argv.slice(2), defaultNamespace)
  if (read === 'help') {
    process.stdout.write(usage)
    process.exit(0)
  }
  if (typeof read !== 'string') return read
  return refuse(usage, read)
}

/** @returns the options; `help` where they are asked for it; or what is wrong */
export function parseDevOptions(args: readonly string[], defaultNamespace: string): DevOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        replicas: { type: 'string', default: '1' },
        with: { type: 'string' },
        issuer: { type: 'string' },
        rotate: { type: 'string' },
        once: { type: 'boolean', default: false },
        code: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        reset: { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        state: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return 'help'
    if (!/^[1-9]$/.test(values.replicas)) return `--replicas ${values.replicas}: must be a number from 1 to 9`
    const wanted = parseExtras(values.with)
    if (wanted === undefined) return `--with ${values.with}: can be all, or some of ${extras.join(',')}`
    const faults = values.issuer === undefined ? [] : issuerFaults(values.issuer)
    if (faults.length > 0) return `--issuer ${values.issuer}: ${faults.join('; ')}`
    if (values.rotate !== undefined && !/^[^/]+(\/[^/]+)?$/.test(values.rotate)) {
      return `--rotate ${values.rotate}: must be NAME or NAMESPACE/NAME`
    }
    const [first = '', second] = values.rotate?.split('/') ?? []
    const client =
      second === undefined ? { namespace: defaultNamespace, name: first } : { namespace: first, name: second }
    return {
      replicas: Number(values.replicas),
      extras: wanted,
      issuer: values.issuer,
      rotate: values.rotate === undefined ? undefined : client,
      once: values.once,
      code: values.code,
      json: values.json,
      reset: values.reset,
      verbose: values.verbose,
      state: values.state,
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
