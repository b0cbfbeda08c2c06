# Backfills and compactions past one machine (docs/jobs.md): a state machine that stages units by invocations of a function
# side by side, where var.job is set, or by tasks on Fargate, where var.job.fargate is. Start it by hand or by a schedule; its
# input is the options of the plan.

locals {
  # Objects of their own below the warehouse, which no table has.
  manifests = join("/", compact([var.warehouse.bucket, var.warehouse.prefix, "_jobs"]))

  stages_on_fargate = try(var.job.fargate, null) != null
}

resource "aws_cloudwatch_log_group" "job" {
  count = var.job == null ? 0 : 1

  name              = "/aws/lambda/${var.name}-job"
  retention_in_days = 30
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role_policy" "job_logs" {
  count = var.job == null ? 0 : 1

  name = "logs"
  role = aws_iam_role.job["job"].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Logs"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = ["${aws_cloudwatch_log_group.job[0].arn}:*"]
    }]
  })
}

resource "aws_lambda_function" "job" {
  count = var.job == null ? 0 : 1

  function_name    = "${var.name}-job"
  role             = aws_iam_role.job["job"].arn
  runtime          = "nodejs24.x"
  architectures    = [var.job.architecture]
  handler          = "dist/lambda.job"
  filename         = var.job.zip
  source_code_hash = filebase64sha256(var.job.zip)
  memory_size      = var.job.memory_mb
  # A plan or a unit that takes longer is cut off and tried again: make units smaller (batch.bytes).
  timeout = 900
  tags    = var.tags

  # Where a day that is larger than compact.memory is sorted.
  ephemeral_storage {
    size = var.job.disk_mb
  }

  environment {
    variables = merge(
      { AUDIT_WAREHOUSE_BATCH_THREADS = "1" },
      try(local.config_variables["job"], {}),
      var.job.environment,
    )
  }

  depends_on = [aws_cloudwatch_log_group.job, aws_iam_role_policy.job_logs, aws_iam_role_policy.config]
}

resource "aws_cloudwatch_log_group" "stage" {
  count = local.stages_on_fargate ? 1 : 0

  name              = "/audit-warehouse/${var.name}-stage"
  retention_in_days = var.job.fargate.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

# Stages one unit: for units that take longer than 15 minutes, or need more memory or disk than an invocation has.
resource "aws_ecs_task_definition" "stage" {
  count = local.stages_on_fargate ? 1 : 0

  family                   = "${var.name}-stage"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.job.fargate.cpu
  memory                   = var.job.fargate.memory
  task_role_arn            = aws_iam_role.job["job"].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.job.fargate.architecture
  }

  ephemeral_storage {
    size_in_gib = var.job.fargate.disk_gib
  }

  container_definitions = jsonencode([{
    name       = "stage"
    image      = var.job.fargate.image
    essential  = true
    entryPoint = ["/bin/sh", "-c"]
    # Fargate has no files of its own to mount. The state machine says which unit of which manifest.
    command = ["printf '%s' \"$CONFIG\" > /tmp/audit-warehouse.yaml && exec /app/bin/audit-warehouse job stage --manifest \"$MANIFEST\" --unit \"$UNIT\""]
    environment = concat(
      [
        { name = "CONFIG", value = var.job.config },
        { name = "AUDIT_WAREHOUSE_CONFIG", value = "/tmp/audit-warehouse.yaml" },
      ],
      [for name, value in var.job.environment : { name = name, value = value }],
    )
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.stage[0].name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "stage"
      }
    }
  }])
}

resource "aws_iam_role" "state_machine" {
  count = var.job == null ? 0 : 1

  name = "${var.name}-state-machine"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "state_machine" {
  count = var.job == null ? 0 : 1

  name = "run-job"
  role = aws_iam_role.state_machine[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid      = "Steps"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = [aws_lambda_function.job[0].arn]
        },
        {
          Sid      = "Manifests"
          Effect   = "Allow"
          Action   = ["s3:GetObject"]
          Resource = ["arn:${local.partition}:s3:::${local.manifests}/*"]
        },
        # A distributed map is made of executions of its own.
        {
          Sid      = "Units"
          Effect   = "Allow"
          Action   = ["states:StartExecution"]
          Resource = ["arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-job"]
        },
        {
          Sid      = "WatchUnits"
          Effect   = "Allow"
          Action   = ["states:DescribeExecution", "states:StopExecution"]
          Resource = ["arn:${local.partition}:states:${local.region}:${local.account}:execution:${var.name}-job/*"]
        },
      ],
      [
        for task in aws_ecs_task_definition.stage : {
          Sid       = "RunTasks"
          Effect    = "Allow"
          Action    = ["ecs:RunTask"]
          Resource  = [task.arn_without_revision, "${task.arn_without_revision}:*"]
          Condition = { ArnEquals = { "ecs:cluster" = var.job.fargate.cluster_arn } }
        }
      ],
      [
        for task in aws_ecs_task_definition.stage : {
          Sid       = "WatchTasks"
          Effect    = "Allow"
          Action    = ["ecs:DescribeTasks", "ecs:StopTask"]
          Resource  = ["*"]
          Condition = { ArnEquals = { "ecs:cluster" = var.job.fargate.cluster_arn } }
        }
      ],
      [
        for task in aws_ecs_task_definition.stage : {
          Sid       = "PassTheirRoles"
          Effect    = "Allow"
          Action    = ["iam:PassRole"]
          Resource  = [task.task_role_arn, task.execution_role_arn]
          Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
        }
      ],
      # Step Functions learns by these events that a task has ended.
      [
        for task in aws_ecs_task_definition.stage : {
          Sid      = "HearOfTasks"
          Effect   = "Allow"
          Action   = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
          Resource = ["arn:${local.partition}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForECSTaskRule"]
        }
      ],
      length(var.kms_key_arns) == 0 ? [] : [{
        Sid      = "Keys"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = var.kms_key_arns
      }],
    )
  })
}

resource "aws_sfn_state_machine" "job" {
  count = var.job == null ? 0 : 1

  name     = "${var.name}-job"
  role_arn = aws_iam_role.state_machine[0].arn
  tags     = var.tags

  definition = templatefile("${path.module}/job.asl.json.tftpl", {
    partition      = local.partition
    function_arn   = aws_lambda_function.job[0].arn
    manifests      = "s3://${local.manifests}"
    max_concurrent = var.job.max_concurrent
    stage_unit = local.stages_on_fargate ? templatefile("${path.module}/job-stage-fargate.asl.json.tftpl", {
      partition           = local.partition
      cluster_arn         = var.job.fargate.cluster_arn
      task_definition_arn = aws_ecs_task_definition.stage[0].arn
      subnets             = jsonencode(var.job.fargate.subnets)
      security_groups     = jsonencode(var.job.fargate.security_groups)
      }) : templatefile("${path.module}/job-stage-lambda.asl.json.tftpl", {
      partition    = local.partition
      function_arn = aws_lambda_function.job[0].arn
    })
  })

  depends_on = [aws_iam_role_policy.state_machine, aws_iam_role_policy.job]
}
