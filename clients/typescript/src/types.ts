// The vocabulary of the AuthZEN Authorization API 1.0, and what behest adds to it.

/** A user, an agent or a service: who asks. */
export interface Subject {
  type: string;
  id: string;
  properties?: Record<string, unknown>;
}

/** What is acted upon. */
export interface Resource {
  type: string;
  id: string;
  properties?: Record<string, unknown>;
}

/** What is done. */
export interface Action {
  name: string;
  properties?: Record<string, unknown>;
}

/** The options of a question; a service ignores those that it does not know. */
export interface QuestionOptions {
  /** Whether a denial says why: behest then answers with `context.reason`. */
  reason?: boolean;
  /** Whether the answer says how it came to be; behest asks for a permission of its own. */
  explain?: boolean;
  /** What is not known yet, such as the arguments of a tool that is only listed (behest). */
  unknown?: readonly "arguments"[];
  [option: string]: unknown;
}

/** One question: may the subject do this to that, in these circumstances? */
export interface EvaluationRequest {
  subject: Subject;
  action: Action;
  resource: Resource;
  context?: Record<string, unknown>;
  options?: QuestionOptions;
}

/** One question of a batch; what it leaves out is the batch's default. */
export interface EvaluationItem {
  subject?: Subject;
  action?: Action;
  resource?: Resource;
  context?: Record<string, unknown>;
}

/** How a batch goes on after an item; `execute_all` without it. */
export type EvaluationsSemantic =
  | "execute_all"
  | "deny_on_first_deny"
  | "permit_on_first_permit";

/** Several questions at once, and what they have in common. */
export interface EvaluationsRequest extends EvaluationItem {
  evaluations: readonly EvaluationItem[];
  options?: QuestionOptions & { evaluations_semantic?: EvaluationsSemantic };
}

/** What whoever was denied can do about it. */
export type NextAction = "request" | "step_up" | "retry" | "none";

/** Why behest denied. */
export interface Reason {
  code: string;
  message?: string;
  /** The member of the chain that was denied, so whom to ask. */
  principal?: { type: string; id: string; tuple?: string };
  next_action?: NextAction;
  /** What `bundle.toml` says about the code. */
  doc?: string;
  /** Every OAuth scope that is wanting. */
  missing_scopes?: string[];
  [member: string]: unknown;
}

/** The page of a search that is asked for. */
export interface PageRequest {
  token?: string;
  /** The most results of a page; the service has a limit of its own. */
  limit?: number;
}

/** Who may do this to that? */
export interface SubjectSearchRequest {
  subject: { type: string; properties?: Record<string, unknown> };
  action: Action;
  resource: Resource;
  context?: Record<string, unknown>;
  options?: QuestionOptions;
  page?: PageRequest;
}

/** To what may the subject do this? */
export interface ResourceSearchRequest {
  subject: Subject;
  action: Action;
  resource: { type: string; properties?: Record<string, unknown> };
  context?: Record<string, unknown>;
  options?: QuestionOptions;
  page?: PageRequest;
}

/** What may the subject do to that? */
export interface ActionSearchRequest {
  subject: Subject;
  resource: Resource;
  context?: Record<string, unknown>;
  options?: QuestionOptions;
  page?: PageRequest;
}

/** One page of what a search found. */
export interface SearchPage<Result> {
  results: Result[];
  /** The token of the next page; absent on the last one. */
  nextToken?: string;
  /** The page's number of results and that of all pages, where the service says them. */
  count?: number;
  total?: number;
  context?: Record<string, unknown>;
}

/** What a service says of itself. */
export interface Metadata {
  policy_decision_point: string;
  access_evaluation_endpoint: string;
  access_evaluations_endpoint?: string;
  search_subject_endpoint?: string;
  search_resource_endpoint?: string;
  search_action_endpoint?: string;
  capabilities?: string[];
  [member: string]: unknown;
}
