output "queue_url" {
  description = "For sources[].queue of the configuration"
  value       = aws_sqs_queue.events.id
}

output "queue_arn" {
  description = "Where notifications go, if notify_buckets is false"
  value       = aws_sqs_queue.events.arn
}

output "dead_letter_queue_url" {
  description = "Messages that could not be worked off"
  value       = aws_sqs_queue.dead.id
}

output "database" {
  description = "For catalog.database of the configuration"
  value       = aws_glue_catalog_database.audit.name
}

output "work_group" {
  description = "For engines.athena.workgroup of the configuration; null without athena_results"
  value       = one(aws_athena_workgroup.audit[*].name)
}

output "worker_role_arn" {
  description = "Role of the worker"
  value       = aws_iam_role.job["worker"].arn
}

output "nightly_role_arn" {
  description = "Role of the nightly job"
  value       = aws_iam_role.job["nightly"].arn
}

output "analyst_role_arn" {
  description = "Role of who asks questions; null without analyst_assume_role_policy"
  value       = try(aws_iam_role.job["analyst"].arn, null)
}

output "state_machine_arn" {
  description = "What runs backfills and compactions past one machine; null without job"
  value       = one(aws_sfn_state_machine.job[*].arn)
}

output "alarms" {
  description = "By name: the ARNs of the alarms"
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.audit : name => alarm.arn }
}

output "policies" {
  description = "By job: its policy as JSON, for roles of your own (backfill, replay, erase, doctor)"
  value       = module.policies.policies
}
