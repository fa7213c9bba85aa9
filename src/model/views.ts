/**
 * All bodies of the local API, each under its name: for the document that describes them. Nothing else may load this:
 * some seven hundred schemas take more than a megabyte.
 */
export * from './access-view.ts'
export * from './api.ts'
export * from './audit-view.ts'
export * from './cluster.ts'
export * from './cluster-place.ts'
export { TokenRequest } from './access-api.ts'
export {
  FoundRequest,
  JoinRequest,
  ProposalRequest,
  RevokeRequest,
  StatementsRequest,
  TicketRequest,
} from './cluster-requests.ts'
export * from './configuration-api.ts'
export * from './doctor.ts'
export * from './job-request.ts'
export { OperationRequest, OperationView } from './operation.ts'
export * from './policy-api.ts'
export * from './proposal-view.ts'
export * from './quarantine-view.ts'
export * from './topology-view.ts'
export * from './ward-view.ts'
export * from './why-view.ts'
