# The worker as a function behind the queue (deploy/lambda), where var.lambda is set.

resource "aws_cloudwatch_log_group" "worker" {
  count = var.lambda == null ? 0 : 1

  name              = "/aws/lambda/${var.name}-worker"
  retention_in_days = 30
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role_policy" "worker_logs" {
  count = var.lambda == null ? 0 : 1

  name = "logs"
  role = aws_iam_role.job["worker"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.worker[0].arn}:*"]
    }]
  })
}

resource "aws_lambda_function" "worker" {
  count = var.lambda == null ? 0 : 1

  function_name    = "${var.name}-worker"
  role             = aws_iam_role.job["worker"].arn
  runtime          = "nodejs24.x"
  architectures    = [var.lambda.architecture]
  handler          = "dist/lambda.handler"
  filename         = var.lambda.zip
  source_code_hash = filebase64sha256(var.lambda.zip)
  memory_size      = var.lambda.memory_mb
  timeout          = var.lambda.timeout
  tags             = var.tags

  environment {
    # One batch an invocation, and one CPU at most: there is nothing to be had from threads.
    variables = merge(
      { AUDIT_WAREHOUSE_BATCH_THREADS = "1" },
      try(local.config_variables["worker"], {}),
      var.lambda.environment,
    )
  }

  depends_on = [aws_cloudwatch_log_group.worker, aws_iam_role_policy.worker_logs, aws_iam_role_policy.config]
}

resource "aws_lambda_event_source_mapping" "worker" {
  count = var.lambda == null ? 0 : 1

  event_source_arn                   = aws_sqs_queue.events.arn
  function_name                      = aws_lambda_function.worker[0].arn
  batch_size                         = var.lambda.batch_size
  maximum_batching_window_in_seconds = var.lambda.batch_window
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.lambda.max_concurrent
  }

  depends_on = [aws_iam_role_policy.job]
}
