// Schema of `spec.auth`: how a client authenticates.
import {
  certificateHostFault,
  certificateHostPattern,
  certificateUriFault,
  certificateUriPattern,
} from '@nauthera/rules/certificates'
import { authMethods } from '@nauthera/rules/client-authentication'
import { mostIdentities } from '@nauthera/rules/identities'
import { httpsUri, notPlain } from './field-kinds.ts'
import { patterns } from './patterns.ts'
import { matchesRule } from './rule-kinds.ts'
import { foreignObject, list, object, oneOf, text } from './schema.ts'

const identity = object(
  'One identity: serviceAccount, or issuer and subject.',
  {},
  {
    serviceAccount: object(
      'A ServiceAccount of this cluster: its pods prove themselves with the token that the kubelet gives them (a projected volume).',
      {
        name: text('Name of the ServiceAccount.', {
          maxLength: 253,
          rules: [
            matchesRule(patterns.secretName, 'must be a name of lower-case letters, digits, - and ., such as worker'),
          ],
        }),
      },
      {
        namespace: text(
          'Namespace of the ServiceAccount. Default: that of the OIDCClient. Another one needs a policy with allow.foreignServiceAccounts.',
          { maxLength: 63, rules: [matchesRule(patterns.namespace, 'must be the name of a namespace')] },
        ),
      },
    ),
    issuer: text(
      'Another issuer: of another cluster, a CI system, a SPIRE trust domain. It must be in identityIssuers of the server, and needs a policy that lists it in allow.identityIssuers.',
      {
        maxLength: 2048,
        rules: [matchesRule(patterns.httpsUri, 'must be an https URL, as iss has it in its tokens')],
      },
    ),
    subject: text('What sub has to be in its tokens, exactly.', {
      maxLength: 1024,
      minLength: 1,
      rules: [matchesRule(patterns.plainText, notPlain)],
    }),
  },
  [
    {
      rule: 'has(self.serviceAccount) ? !has(self.issuer) && !has(self.subject) : has(self.issuer) && has(self.subject)',
      message: 'must have only serviceAccount, or issuer and subject',
    },
  ],
)

export const auth = object(
  'How the client proves itself at the token endpoint.',
  {},
  {
    method: oneOf(
      'Default: client_secret for Web and M2M, none for the others. client_secret: the secret in the Authorization header or in the body, whichever the program sends; client_secret_basic takes only the header, client_secret_post only the body. federated_jwt: no secret at all, the program shows a token that its platform gave it (identities). tls_client_auth: a certificate of an authority that the server knows (tls). self_signed_tls_client_auth: a certificate that is in the keys of the client (x5c in jwks or at jwksURI). Both work where the server takes certificates, and their tokens are bound to the certificate, or by DPoP with dpop. There is no client_secret_jwt: the server has only hashes of secrets.',
      authMethods,
    ),
    jwksURI: httpsUri(
      'Address of the public keys of the client. private_key_jwt, self_signed_tls_client_auth and encryption.userinfo need this or jwks.',
    ),
    jwks: object(
      'The public keys of the client, as a JWK set. private_key_jwt, self_signed_tls_client_auth and encryption.userinfo need this or jwksURI.',
      { keys: list('Keys.', foreignObject('A public JWK.'), { maxItems: 20, minItems: 1 }) },
      {},
    ),
    identities: list(
      'Who may prove itself as this client, with a token of its platform whose only audience is the issuer. Only with federated_jwt, which needs at least one.',
      identity,
      { maxItems: mostIdentities, minItems: 1 },
    ),
    tls: object(
      'The name by which the certificate of the client is known, for tls_client_auth. Set exactly one field.',
      {},
      {
        subjectDN: text(
          'Subject of the certificate, written as in RFC 4514, the narrowest part first: CN=worker,O=Example.',
          { maxLength: 1024, minLength: 1, rules: [matchesRule(patterns.plainText, notPlain)] },
        ),
        sanDNS: text('DNS name in the certificate (subject alternative name).', {
          maxLength: 253,
          rules: [matchesRule(certificateHostPattern, certificateHostFault)],
        }),
        sanURI: text(
          'URI in the certificate (subject alternative name), such as a SPIFFE id. A certificate with a SPIFFE id may have no other URI.',
          { maxLength: 2048, rules: [matchesRule(certificateUriPattern, certificateUriFault)] },
        ),
      },
    ),
  },
)
