import { status } from '@grpc/grpc-js'
import type { ServiceError } from '@grpc/grpc-js'

/** The name of a gRPC status: `UNAVAILABLE`, `PERMISSION_DENIED`, `RESOURCE_EXHAUSTED` … */
type ChannelCode = keyof typeof status

/** A stream could not be opened, or broke. */
export class ChannelError extends Error {
  readonly code: ChannelCode

  constructor(code: ChannelCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'ChannelError'
    this.code = code
  }
}

/** @returns an error of the library as a ChannelError */
export function channelErrorOf(error: Partial<ServiceError>): ChannelError {
  const named = Object.entries(status).find(([, value]) => value === error.code)?.[0]
  const code = named !== undefined && isCode(named) ? named : 'CANCELLED'
  return new ChannelError(code, error.details ?? error.message ?? code, { cause: error })
}

const isCode = (name: string): name is ChannelCode => name in status
