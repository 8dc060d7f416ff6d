import type { MailSeen } from '../driver/mail-server.ts'
import { applyObjects, get, until, whenObject } from './kubernetes.ts'
import { isReady, restrictedContainer, restrictedPod } from './pods.ts'
import { e2eImage, tlsSecret } from './release.ts'

/** SMTP with STARTTLS on port 2525, in a pod that shows on port 8080 what it got: ci/e2e/driver/mail-server.ts. */
export interface MailServer {
  /** The name of its Service. */
  readonly host: string
  /** Labels of its pod. */
  readonly labels: Readonly<Record<string, string>>
  /** Who may send. */
  readonly account: { readonly username: string; readonly password: string }
  /** The first mail to an address with this subject, old or new. */
  mail(to: string, subject: string): Promise<MailSeen>
}

const name = 'mail-server'
const account = { username: 'nauthera', password: 'of-the-mail-server-only' }

export async function startMailServer(namespace: string): Promise<MailServer> {
  const host = `${name}.${namespace}.svc`
  const [metadata, labels] = [{ name, namespace }, { app: name }]
  await applyObjects([
    await tlsSecret(namespace, 'mail-server-tls', [host]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: {
        selector: labels,
        ports: [
          { name: 'smtp', port: 2525 },
          { name: 'mails', port: 8080 },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...metadata, labels },
      spec: {
        ...restrictedPod,
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            ...restrictedContainer,
            name,
            image: e2eImage('driver:1'),
            args: ['/app/mail-server.js'],
            env: [
              { name: 'SMTP_USERNAME', value: account.username },
              { name: 'SMTP_PASSWORD', value: account.password },
            ],
            readinessProbe: { httpGet: { path: '/mails', port: 8080 }, periodSeconds: 1 },
            volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
          },
        ],
        volumes: [{ name: 'tls', secret: { secretName: 'mail-server-tls', defaultMode: 0o440 } }],
      },
    },
  ])
  await whenObject(`/api/v1/namespaces/${namespace}/pods`, name, isReady, 60_000)
  return {
    host,
    labels,
    account,
    async mail(to, subject) {
      let found: MailSeen | undefined
      await until(`a mail to ${to}: ${subject}`, async () => {
        const mails = (await get(`/api/v1/namespaces/${namespace}/pods/${name}:8080/proxy/mails`)) as MailSeen[]
        found = mails.find((mail) => mail.to.includes(to) && mail.subject === subject)
        return found !== undefined
      })
      return found!
    },
  }
}
