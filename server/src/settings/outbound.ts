// Requests of the server to others: which hosts are allowed, which issuers are trusted, whose documents are read.
import { z } from '@nauthera/runtime/settings'
import { issuerFaults } from '@nauthera/rules/issuer'
import { isNeverAllowed, parseRanges } from '../address-ranges.ts'
import { file, webUrl } from './kinds.ts'

/** The server's own requests: to URLs that clients register, and to the providers in `upstreams`. */
const outboundPurposes = ['backchannel', 'jwks', 'logo', 'document', 'upstream'] as const
export type OutboundPurpose = (typeof outboundPurposes)[number]

const outboundTarget = z
  .string()
  .max(253)
  .superRefine((to, context) => {
    const isRange = parseRanges([to]) !== undefined
    if (!isRange && !/^\.?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z][a-z0-9-]*$/.test(to)) {
      const message = 'must be an address, a range such as 10.96.0.0/12, a host, or a domain such as .svc.cluster.local'
      context.addIssue({ code: 'custom', message })
    }
    if (isRange && isNeverAllowed(to)) {
      const message = 'is a loopback, link-local or metadata address: the server never sends a request there'
      context.addIssue({ code: 'custom', message })
    }
  })

export const outboundSettings = z
  .strictObject({
    allow: z
      .array(
        z.strictObject({
          to: outboundTarget.describe('An address, a range, a host, or a domain with a dot in front.'),
          for: z.array(z.enum(outboundPurposes)).min(1).describe('For which requests.'),
        }),
      )
      .max(50)
      .default([])
      .describe(
        'Private and special addresses that the server may send requests to: `to` (address, range, host, or a domain with a dot in front) and `for` (backchannel, jwks, logo, document, upstream). Public addresses need no entry; loopback, link-local and metadata addresses are never allowed.',
      ),
  })
  .prefault({})
export type OutboundSettings = z.output<typeof outboundSettings>

/** As in `iss` of its tokens. In many clusters nobody can reach that address. */
const identityIssuer = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    for (const message of issuerFaults(text.replace(/\/$/, ''))) context.addIssue({ code: 'custom', message })
  })

export const identityIssuers = z
  .array(
    z
      .strictObject({
        issuer: identityIssuer.describe('What `iss` is in its tokens, exactly.'),
        jwksURI: webUrl.optional().describe('Where its keys are. Default: where its discovery document says.'),
        jwksFile: file.optional().describe('A file with its keys, in place of an address; read again as it changes.'),
        thisCluster: z
          .boolean()
          .default(false)
          .describe(
            'These are the ServiceAccounts of this cluster: for an operator that may not read their keys at the API server.',
          ),
      })
      .refine(({ jwksURI, jwksFile }) => jwksURI === undefined || jwksFile === undefined, {
        path: ['jwksFile'],
        message: 'is set together with jwksURI; set one of the two',
      }),
  )
  .max(50)
  .default([])
  .superRefine((issuers, context) => {
    issuers.forEach(({ issuer, thisCluster }, n) => {
      const before = issuers.slice(0, n)
      if (before.some((other) => other.issuer === issuer && other.thisCluster === thisCluster))
        context.addIssue({ code: 'custom', path: [n, 'issuer'], message: `is ${issuer} twice; remove one` })
      if (thisCluster && before.some((other) => other.thisCluster))
        context.addIssue({
          code: 'custom',
          path: [n, 'thisCluster'],
          message: 'is set for two issuers; set it for one',
        })
    })
  })
  .describe(
    'Issuers whose tokens may prove a client that has no secret (spec.auth.identities): `issuer`, and `jwksURI` or `jwksFile`. A private address of one must be in outbound.allow for jwks. That of this cluster needs no entry: the operator reads its keys.',
  )
export type IdentityIssuer = z.output<typeof identityIssuers>[number]

export const clientMetadataDocuments = z
  .strictObject({
    hosts: z
      .array(
        z
          .string()
          .max(260)
          .regex(
            /^\.?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:\d{1,5})?$/,
            'must be a host in lower case such as app.example.com, or .apps.example.com for all below it, with a port where it is not 443',
          ),
      )
      .max(100)
      .default([])
      .describe(
        'Hosts whose documents may describe clients that nobody registers (Client ID Metadata Document): `client_id` is then an https address there, such as that of an MCP client. app.example.com, or .apps.example.com for all below it. Default: none. An API lets them in with `clientMetadataHosts` in its `resourceServer.access`. A private address must be in outbound.allow for document.',
      ),
  })
  .prefault({})
