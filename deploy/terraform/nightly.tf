# compact, expire and verify every night as a task on Fargate, where var.nightly is set.

resource "aws_cloudwatch_log_group" "nightly" {
  count = var.nightly == null ? 0 : 1

  name              = "/audit-warehouse/${var.name}-nightly"
  retention_in_days = var.nightly.log_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_ecs_task_definition" "nightly" {
  count = var.nightly == null ? 0 : 1

  family                   = "${var.name}-nightly"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.nightly.cpu
  memory                   = var.nightly.memory
  task_role_arn            = aws_iam_role.job["nightly"].arn
  execution_role_arn       = aws_iam_role.execution[0].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.nightly.architecture
  }

  ephemeral_storage {
    size_in_gib = var.nightly.disk_gib
  }

  container_definitions = jsonencode([{
    name       = "nightly"
    image      = var.nightly.image
    essential  = true
    entryPoint = ["/bin/sh", "-c"]
    # Fargate has no files of its own to mount.
    command = ["printf '%s' \"$CONFIG\" > /tmp/audit-warehouse.yaml && exec /app/deploy/nightly"]
    environment = [
      { name = "CONFIG", value = var.nightly.config },
      { name = "AUDIT_WAREHOUSE_CONFIG", value = "/tmp/audit-warehouse.yaml" },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = aws_cloudwatch_log_group.nightly[0].name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = "nightly"
      }
    }
  }])
}

resource "aws_iam_role" "scheduler" {
  count = var.nightly == null ? 0 : 1

  name = "${var.name}-scheduler"
  tags = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  count = var.nightly == null ? 0 : 1

  name = "run-nightly"
  role = aws_iam_role.scheduler[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RunTheTask"
        Effect    = "Allow"
        Action    = ["ecs:RunTask"]
        Resource  = [aws_ecs_task_definition.nightly[0].arn_without_revision, "${aws_ecs_task_definition.nightly[0].arn_without_revision}:*"]
        Condition = { ArnEquals = { "ecs:cluster" = var.nightly.cluster_arn } }
      },
      {
        Sid       = "PassItsRoles"
        Effect    = "Allow"
        Action    = ["iam:PassRole"]
        Resource  = [aws_iam_role.job["nightly"].arn, aws_iam_role.execution[0].arn]
        Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
      },
    ]
  })
}

resource "aws_scheduler_schedule" "nightly" {
  count = var.nightly == null ? 0 : 1

  name                         = "${var.name}-nightly"
  schedule_expression          = var.nightly.schedule
  schedule_expression_timezone = "UTC"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = var.nightly.cluster_arn
    role_arn = aws_iam_role.scheduler[0].arn

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.nightly[0].arn_without_revision
      launch_type         = "FARGATE"

      network_configuration {
        subnets         = var.nightly.subnets
        security_groups = var.nightly.security_groups
      }
    }

    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}
