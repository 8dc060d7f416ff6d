// The device flow (RFC 8628) as a device and as a person see it.
import { send } from './browser.ts'
import type { Answer, Browser } from './browser.ts'
import type { ServerReplicas } from './server.ts'

export interface DeviceRequest {
  readonly device: string
  /** As the device shows it. */
  readonly user: string
  /** The link with the code in it. */
  readonly link: string
}

export const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export function requestDeviceCode(
  replicas: ServerReplicas,
  form: Record<string, string> = {},
  options: { replica?: number; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return send(replicas, {
    path: '/device_authorization',
    form: { client_id: 'app.device', scope: 'openid email', ...form },
    ...options,
  })
}

export async function fetchDeviceCode(
  replicas: ServerReplicas,
  form: Record<string, string> = {},
): Promise<DeviceRequest> {
  const answer = await requestDeviceCode(replicas, form)
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body}`)
  const {
    device_code: device,
    user_code: user,
    verification_uri_complete: link,
  } = answer.json() as Record<string, string>
  return { device: device!, user: user!, link: link! }
}

export const poll = (
  replicas: ServerReplicas,
  code: Pick<DeviceRequest, 'device'>,
  options: { replica?: number; form?: Record<string, string> } = {},
): Promise<Answer> =>
  send(replicas, {
    path: '/token',
    replica: options.replica ?? 0,
    form: { client_id: 'app.device', grant_type: deviceGrant, device_code: code.device, ...options.form },
  })

type Page = Awaited<ReturnType<Browser['follow']>>

/** Types the code. @returns the page that comes then: whether the device is one's own, or what is wrong */
export async function typeCode(browser: Browser, userCode: string): Promise<Page> {
  return browser.submit(await browser.follow('/device'), '/device', { 'user-code': userCode })
}

/** Types the code, says that the device is one's own, signs in and agrees wherever a page asks. @returns the last page */
export async function allowDevice(
  browser: Browser,
  userCode: string,
  answers: { username: string; password: string },
): Promise<Page> {
  let page = await typeCode(browser, userCode)
  for (let step = 0; step < 5; step++) {
    if (page.body.includes('id="device-allow"')) page = await browser.submit(page, '/device', { decision: 'allow' })
    else if (page.body.includes('id="password"')) page = await browser.submit(page, '/sign-in', { ...answers })
    else if (page.body.includes('id="consent-allow"'))
      page = await browser.submit(page, '/consent', { decision: 'allow' })
    else return page
  }
  throw new Error(`the sign-in does not end: ${page.url}`)
}
