# What should wake somebody, and a dashboard of it. Alarms of a worker in a container come from its own metrics: deploy/monitoring.

locals {
  # By name: what is counted, over which minutes, and from where on it is too much.
  alarms = merge(
    {
      dead-letters = {
        description = "Objects that audit-warehouse could not take in: see docs/operations.md"
        namespace   = "AWS/SQS"
        metric      = "ApproximateNumberOfMessagesVisible"
        dimensions  = { QueueName = aws_sqs_queue.dead.name }
        statistic   = "Maximum"
        threshold   = 0
      }
      oldest-message = {
        description = "Objects wait for longer than oldest_message_seconds: the worker is gone or does not keep up"
        namespace   = "AWS/SQS"
        metric      = "ApproximateAgeOfOldestMessage"
        dimensions  = { QueueName = aws_sqs_queue.events.name }
        statistic   = "Maximum"
        threshold   = var.oldest_message_seconds
      }
    },
    var.lambda == null ? {} : {
      lambda-errors = {
        description = "Invocations of the worker fail: their messages come back"
        namespace   = "AWS/Lambda"
        metric      = "Errors"
        dimensions  = { FunctionName = "${var.name}-worker" }
        statistic   = "Sum"
        threshold   = 0
      }
      lambda-throttles = {
        description = "Invocations of the worker are throttled: the account has too little concurrency left"
        namespace   = "AWS/Lambda"
        metric      = "Throttles"
        dimensions  = { FunctionName = "${var.name}-worker" }
        statistic   = "Sum"
        threshold   = 0
      }
    },
    var.nightly == null ? {} : {
      nightly-failed = {
        description = "The nightly job ended with an error, or verify found a difference (exit code 4): see its log"
        namespace   = "AWS/Events"
        metric      = "MatchedEvents"
        dimensions  = { RuleName = aws_cloudwatch_event_rule.nightly_failed[0].name }
        statistic   = "Sum"
        threshold   = 0
      }
      nightly-not-started = {
        description = "The schedule could not start the nightly job"
        namespace   = "AWS/Scheduler"
        metric      = "TargetErrorCount"
        dimensions  = { ScheduleGroup = "default" }
        statistic   = "Sum"
        threshold   = 0
      }
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "audit" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# A task that ends with an exit code, or before its container had one. It has no target: that it matched is what is counted.
resource "aws_cloudwatch_event_rule" "nightly_failed" {
  count = var.nightly == null ? 0 : 1

  name        = "${var.name}-nightly-failed"
  description = "The nightly job of audit-warehouse ended with an error"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      lastStatus        = ["STOPPED"]
      taskDefinitionArn = [{ prefix = "${aws_ecs_task_definition.nightly[0].arn_without_revision}:" }]
      "$or" = [
        { containers = { exitCode = [{ anything-but = 0 }] } },
        { stopCode = ["TaskFailedToStart"] },
      ]
    }
  })
}

resource "aws_cloudwatch_dashboard" "audit" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 3
        properties = { title = "Alarms", alarms = [for alarm in aws_cloudwatch_metric_alarm.audit : alarm.arn] }
      }],
      [for index, name in keys(local.alarms) : {
        type   = "metric"
        x      = index % 3 * 8
        y      = 3 + floor(index / 3) * 6
        width  = 8
        height = 6
        properties = {
          title   = name
          region  = local.region
          stat    = local.alarms[name].statistic
          period  = 300
          metrics = [concat([local.alarms[name].namespace, local.alarms[name].metric], flatten([for key, value in local.alarms[name].dimensions : [key, value]]))]
        }
      }],
    )
  })
}
