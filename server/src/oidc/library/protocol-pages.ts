// The port for pages that the library needs: errors, sign-out, device.
import type { IncomingMessage } from 'node:http'
import type { RenderedPage } from '../../reply.ts'

/** Renders the pages of the protocol: errors and sign-out (implemented in http/protocol-pages). */
export interface ProtocolPages {
  /** Tags of the languages that the pages are there in. */
  readonly languages: readonly string[]
  error(ask: PageAsk, out: ErrorOut, fault: ProtocolFault): Promise<RenderedPage>
  /** @param form the URL that it is sent to, and the library's XSRF token */
  logout(ask: PageAsk, form: { action: string; xsrf: string }): Promise<RenderedPage>
  /** The person has allowed a device. */
  deviceAllowed(ask: PageAsk): Promise<RenderedPage>
  /** The device gets nothing: the person did not want it, its code is over, or something went wrong. */
  deviceRefused(ask: PageAsk, out: ErrorOut, fault: ProtocolFault): Promise<RenderedPage>
  /** @param outcome `stillSignedIn`: the person did not want to be signed out; `unlisted`: where the client would have led them, which it has not registered */
  signedOut(
    ask: PageAsk,
    outcome: { stillSignedIn: boolean; unlisted?: { shown: string | undefined } | undefined },
  ): Promise<RenderedPage>
}

/** What is known about the request of such a page. It is little when the error came early. */
export interface PageAsk {
  readonly request: IncomingMessage & { readonly originalUrl?: string }
  readonly client: { readonly clientId: string; readonly redirectUris: readonly string[] } | undefined
  /** The account of the browser's session. */
  readonly accountId: string | undefined
  /** The id of that session. */
  readonly sessionUid: string | undefined
  /** @returns a parameter of the request that was given once */
  readonly parameter: (name: string) => string | undefined
}

/** What the client would be told. */
export interface ErrorOut {
  readonly error: string
  readonly error_description?: string | undefined
}

/** What we read of an error that the library caught: its own, ours, or an unexpected one. */
export interface ProtocolFault {
  readonly name?: unknown
  readonly code?: unknown
  readonly status?: number
  readonly statusCode?: number
  /** Details for developers. */
  readonly error_detail?: string | undefined
}
