# Events of the buckets -> queue -> worker; what cannot be worked off -> dead-letter queue.

resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue" "events" {
  name                      = var.name
  message_retention_seconds = 1209600
  # A worker hides messages for as long as it needs; for Lambda it has to be six times the timeout of the function.
  visibility_timeout_seconds = var.lambda == null ? 120 : 6 * var.lambda.timeout
  sqs_managed_sse_enabled    = true
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 5
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.events.arn]
  })
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EventsOfTheSources"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = ["sqs:SendMessage"]
      Resource  = [aws_sqs_queue.events.arn]
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = [for bucket in local.buckets : "arn:${local.partition}:s3:::${bucket}"] }
      }
    }]
  })
}

resource "aws_s3_bucket_notification" "sources" {
  for_each = var.notify_buckets ? local.buckets : toset([])

  bucket = each.value

  dynamic "queue" {
    for_each = [for source in var.sources : source.prefix if source.bucket == each.value]

    content {
      queue_arn     = aws_sqs_queue.events.arn
      events        = ["s3:ObjectCreated:*"]
      filter_prefix = queue.value
    }
  }

  # S3 tries the queue when it is named.
  depends_on = [aws_sqs_queue_policy.events]
}
